-- Tests of a spec from its text alone, for when no server has looked at it. Pure.
local M = {}

local function closing_line(lines, first)
  local depth, opened = 0, false
  for number = first, #lines do
    -- Brackets in strings and comments do not count.
    local code = lines[number]:gsub('\\.', ''):gsub('"[^"]*"', ''):gsub("'[^']*'", ''):gsub('#.*', '')
    for bracket in code:gmatch('[()%[%]{}]') do
      depth = depth + (bracket:find('[%(%[{]') and 1 or -1)
      opened = true
    end
    if opened and depth <= 0 then
      return number
    end
  end
  return #lines
end

local function end_of_def(lines, first)
  local last = first
  for number = first + 1, #lines do
    if lines[number]:find('^%s+%S') then
      last = number
    elseif lines[number]:find('^%S') then
      break
    end
  end
  return last
end

--- What a `fault_scenario` is called: its first argument, or the one named so, on whatever line.
local function name_in(lines, first, last)
  local call = table.concat(vim.list_slice(lines, first, last), '\n')
  return call:match('^fault_scenario%s*%(%s*["\']([^"\']+)') or call:match('[%s(,]name%s*=%s*["\']([^"\']+)')
end

--- All tests of a text: {name, first, last}, lines from 1; of matrices with an `id` of their own.
function M.of_lines(lines)
  local found, matrices = {}, 0
  for number, line in ipairs(lines) do
    local body = line:match('^def%s+(test_[%w_]*)')
    local scenario = line:match('^scenario%s*%(%s*fn%s*=%s*([%w_]+)') or line:match('^scenario%s*%(%s*([%w_]+)')
    local is_faulty = line:find('^fault_scenario%s*%(')
    local is_matrix = line:find('^fault_matrix%s*%(')
    local last = (scenario or is_faulty or is_matrix) and closing_line(lines, number)
    local faulty = is_faulty and name_in(lines, number, last)
    if body then
      found[#found + 1] = { name = body, first = number, last = end_of_def(lines, number) }
    elseif scenario or faulty then
      found[#found + 1] = { name = 'test_' .. (scenario or faulty), first = number, last = last }
    elseif is_matrix then
      matrices = matrices + 1
      local label = matrices == 1 and 'matrix' or ('matrix %d'):format(matrices)
      found[#found + 1] = { name = 'test_matrix_*', id = label, label = label, first = number, last = last }
    end
  end
  return found
end

--- The list neotest makes a tree of: the file, then its tests.
function M.list(path, lines, items)
  local name = vim.fn.fnamemodify(path, ':t')
  local list = { { id = path, type = 'file', path = path, name = name, range = { 0, 0, #lines, 0 } } }
  for _, item in ipairs(items) do
    list[#list + 1] = {
      {
        id = path .. '::' .. (item.id or item.name),
        type = 'test',
        path = path,
        name = item.label or item.name:gsub('^test_', ''),
        test = item.name,
        range = { item.first - 1, 0, item.last - 1, 0 },
      },
    }
  end
  return list
end

return M
