-- :Faultbox and its subcommands.
local client = require('faultbox.client')
local session = require('faultbox.session')

local M = {}

local function tell(text)
  vim.notify('faultbox: ' .. text, vim.log.levels.WARN)
end

--- The document of the current buffer, when it is a spec.
local function uri_here()
  return vim.bo.filetype == 'faultbox' and vim.uri_from_bufnr(0) or nil
end

--- The document of the current buffer, or of the last run when the cursor is anywhere else.
local function uri()
  return uri_here() or (session.last_arguments and session.last_arguments.uri)
end

local function test_at_cursor(document)
  return session.test_at(document, vim.api.nvim_win_get_cursor(0)[1] - 1)
end

local function run_at_cursor()
  local document = uri_here()
  if not document then
    return tell('open a spec first')
  elseif not client.is_ready() then
    return
  end
  local item = test_at_cursor(document)
  if item then
    return client.run({ uri = document, tests = item.run })
  end
  local is_known = #(session.tests[document] or {}) > 0
  local problem = is_known and 'the cursor is in no test' or 'the server knows no tests of this spec yet'
  tell(problem .. '; `:Faultbox run all` runs the file')
end

local actions = {}

--- run            the test at the cursor        run all · run failed      the file
--- run NAME ...   tests by name
function actions.run(words)
  if #words == 0 then
    return run_at_cursor()
  end
  local document = uri()
  if not document then
    return tell('open a spec first')
  end
  if words[1] == 'all' or words[1] == 'failed' then
    return client.run({ uri = document, [words[1]] = true })
  end
  client.run({ uri = document, tests = words })
end

--- rerun: the last selection again. rerun failed: what failed.
function actions.rerun(words)
  if words[1] == 'failed' then
    local document = uri()
    client.command('faultbox.rerunFailed', document and { uri = document } or {})
  elseif session.last_arguments then
    client.run(session.last_arguments)
  else
    actions.run({ 'all' })
  end
end

function actions.cancel()
  client.command('faultbox.cancel', {}, function(reply)
    if #(reply and reply.cancelled or {}) == 0 then
      tell('nothing is running')
    end
  end)
end

function actions.matrix()
  local document = uri()
  if not document then
    return tell('open a spec first')
  end
  if client.is_ready() then
    require('faultbox.matrix').open(document)
  end
end

function actions.log()
  require('faultbox.log').open()
end

function actions.restart()
  client.restart()
end

local function quoted(word)
  return word:find('^[%w_./:@,+-]+$') and word or vim.fn.shellescape(word)
end

--- What a shell here needs to do what the server would: our program, in the folder of the spec.
function M.shell_line(argv, cwd)
  local program = vim.fn.expand(require('faultbox').options.path)
  if program:find('/', 1, true) then
    program = vim.fn.fnamemodify(program, ':p')
  end
  local words = vim.list_extend({ program }, vim.list_slice(argv, 2))
  local line = table.concat(vim.tbl_map(quoted, words), ' ')
  local function real(path)
    return vim.loop.fs_realpath(path) or path
  end
  return real(cwd) == real(vim.fn.getcwd()) and line or ('cd %s && %s'):format(quoted(cwd), line)
end

--- Copies the shell command for the test at the cursor, or for the file.
function actions.command()
  local document = uri_here()
  if not document then
    return tell('open a spec first')
  end
  local item = test_at_cursor(document)
  local arguments = item and { uri = document, tests = item.run } or { uri = document, all = true }
  client.command('faultbox.showCommand', arguments, function(reply)
    local line = M.shell_line(reply.argv, reply.cwd)
    vim.fn.setreg('"', line)
    vim.notify(line)
  end)
end

local NAMES = { 'run', 'rerun', 'cancel', 'matrix', 'log', 'command', 'restart' }

function M.execute(words)
  local name = words[1] or 'run'
  local action = actions[name]
  if not action then
    return tell(('there is no `:Faultbox %s`; there are %s'):format(name, table.concat(NAMES, ', ')))
  end
  action(vim.list_slice(words, 2))
end

local function names_of_tests()
  local names = { 'all', 'failed' }
  for _, item in ipairs(session.tests[uri() or ''] or {}) do
    if item.kind ~= 'matrix' then
      names[#names + 1] = item.id
    end
  end
  return names
end

function M.complete(lead, line)
  local words = vim.split(vim.trim(line), '%s+')
  local candidates = NAMES
  if words[2] == 'run' and (#words > 2 or lead == '') then
    candidates = names_of_tests()
  elseif words[2] == 'rerun' and (#words > 2 or lead == '') then
    candidates = { 'failed' }
  elseif #words > 2 then
    return {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, candidates)
end

return M
