-- Which .star files are Faultbox specs.
local M = {}

-- Enough of a file to recognise it by; specs declare their services first.
local LINES_READ = 400

-- For a text as `squeezed` leaves it; a call may have its first argument on the next line.
local PATTERNS = {
  '\n[%w_]* ?=? ?fault_assumption ?%(',
  '\nfault_scenario ?%(',
  '\nfault_matrix ?%(',
  '\nscenario ?%(',
  '= ?service ?%(%s?["\']',
  '= ?service ?%(%s?name ?= ?["\']',
  '\nload ?%(%s?["\']@faultbox/',
}

--- The text without comments, indentation and empty lines, one blank for several.
local function squeezed(lines)
  local code = vim.tbl_map(function(line)
    return (line:gsub('#.*', ''):gsub('%s+', ' '))
  end, lines)
  return (('\n' .. table.concat(code, '\n')):gsub('%s*\n%s*', '\n'))
end

--- True when the text is one that only Faultbox has.
---@param lines string[]
function M.is_spec(lines)
  local text = squeezed(lines)
  for _, pattern in ipairs(PATTERNS) do
    if text:find(pattern) then
      return true
    end
  end
  return false
end

--- True for the names that are ours whatever the text says.
function M.is_name(path)
  local name = vim.fn.fnamemodify(path, ':t')
  return name == 'faultbox.star' or vim.endswith(name, '.faultbox.star')
end

--- Sets the filetype of the current buffer when it is a spec.
function M.detect()
  if vim.bo.filetype == 'faultbox' then
    return
  end
  if M.is_name(vim.api.nvim_buf_get_name(0)) or M.is_spec(vim.api.nvim_buf_get_lines(0, 0, LINES_READ, false)) then
    vim.bo.filetype = 'faultbox'
  end
end

return M
