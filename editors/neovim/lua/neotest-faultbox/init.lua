-- A neotest adapter: require('neotest').setup({ adapters = { require('neotest-faultbox') } })
local files = require('faultbox.files')
local positions = require('neotest-faultbox.positions')
local results = require('neotest-faultbox.results')

local M = { name = 'neotest-faultbox' }

function M.root(directory)
  return require('faultbox.compat').root(directory .. '/.')
end

function M.filter_dir(name)
  return name ~= 'node_modules' and name ~= 'target' and not vim.startswith(name, 'bazel-')
end

function M.is_test_file(path)
  if not vim.endswith(path, '.star') then
    return false
  end
  local filetype = require('faultbox.filetype')
  if filetype.is_name(path) then
    return true
  end
  return filetype.is_spec(files.lines(path, 400) or {})
end

function M.discover_positions(path)
  local lines = files.lines(path) or {}
  local list = positions.list(path, lines, positions.of_lines(lines))
  return require('neotest.types').Tree.from_list(list, function(position)
    return position.id
  end)
end

--- The shell's own program; events go to a file, so the output neotest shows stays readable.
function M.build_spec(arguments)
  local position = arguments.tree:data()
  if position.type == 'dir' then
    return nil -- neotest then asks for each file
  end
  local events = vim.fn.tempname()
  local command = { require('faultbox.client').program() or 'faultbox', 'test', position.path }
  if position.type == 'test' then
    vim.list_extend(command, { '--test', position.test })
  end
  vim.list_extend(command, { '--format', 'jsonl', '--output', events })
  vim.list_extend(command, arguments.extra_args or {})
  return { command = command, cwd = vim.fn.fnamemodify(position.path, ':h'), context = { events = events } }
end

function M.results(spec, result, tree)
  local ok, lines = pcall(vim.fn.readfile, spec.context.events)
  local decode = vim.json and vim.json.decode or vim.fn.json_decode
  local by_test = results.of_lines(ok and lines or {}, decode)
  local found = {}
  for _, node in tree:iter_nodes() do
    local position = node:data()
    if position.type == 'test' then
      local one = position.test == 'test_matrix_*' and results.of_cells(by_test) or by_test[position.test]
      if one then
        found[position.id] = vim.tbl_extend('force', one, { output = result.output })
      end
    end
  end
  return found
end

return M
