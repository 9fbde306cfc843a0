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

--- All tests of a text: {name, first, last}, lines from 1.
function M.of_lines(lines)
  local found = {}
  for number, line in ipairs(lines) do
    local body = line:match('^def%s+(test_[%w_]*)')
    local scenario = line:match('^scenario%s*%(%s*([%w_]+)')
    local faulty = line:match('^fault_scenario%s*%(%s*["\']([^"\']+)') or line:match('^fault_scenario%s*%(%s*$')
      and (lines[number + 1] or ''):match('["\']([^"\']+)')
    if body then
      found[#found + 1] = { name = body, first = number, last = end_of_def(lines, number) }
    elseif scenario or faulty then
      found[#found + 1] = { name = 'test_' .. (scenario or faulty), first = number, last = closing_line(lines, number) }
    elseif line:find('^fault_matrix%s*%(') then
      found[#found + 1] = { name = 'test_matrix_*', label = 'matrix', first = number, last = closing_line(lines, number) }
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
        id = path .. '::' .. item.name,
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
