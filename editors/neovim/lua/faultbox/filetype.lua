-- Which .star files are Faultbox specs.
local M = {}

-- Enough of a file to recognise it by; specs declare their services first.
local LINES_READ = 400

local PATTERNS = {
  '^%s*[%w_]*%s*=?%s*fault_assumption%s*%(',
  '^%s*fault_scenario%s*%(',
  '^%s*fault_matrix%s*%(',
  '^%s*scenario%s*%(',
  '=%s*service%s*%(%s*["\']',
  '^load%s*%(%s*["\']@faultbox/',
}

--- True when the text is one that only Faultbox has.
---@param lines string[]
function M.is_spec(lines)
  for _, line in ipairs(lines) do
    for _, pattern in ipairs(PATTERNS) do
      if line:find(pattern) then
        return true
      end
    end
  end
  return false
end

--- Sets the filetype of the current buffer when it is a spec.
function M.detect()
  local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(0), ':t')
  if vim.bo.filetype == 'faultbox' then
    return
  end
  if name == 'faultbox.star' or M.is_spec(vim.api.nvim_buf_get_lines(0, 0, LINES_READ, false)) then
    vim.bo.filetype = 'faultbox'
  end
end

return M
