-- What runs wrote, in a buffer of its own.
local panel = require('faultbox.panel')
local runs = require('faultbox.runs')
local session = require('faultbox.session')

local M = {}

-- The buffer keeps about this many lines.
local MAX_LINES = 20000
local buffer

local function log_buffer()
  buffer = panel.buffer(buffer, 'faultbox://log', {})
  return buffer
end

function M.append(lines)
  if #lines == 0 then
    return
  end
  local bufnr = log_buffer()
  -- A line of a service may hold anything but must not break the call.
  local clean = vim.tbl_map(function(line)
    return (line:gsub('[\r\n]', ' '))
  end, lines)
  local windows = vim.tbl_filter(function(window)
    return vim.api.nvim_win_get_cursor(window)[1] == vim.api.nvim_buf_line_count(bufnr)
  end, vim.fn.win_findbuf(bufnr))
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, -1, -1, false, clean)
  local extra = vim.api.nvim_buf_line_count(bufnr) - MAX_LINES
  if extra > 0 then
    vim.api.nvim_buf_set_lines(bufnr, 0, extra, false, {})
  end
  vim.bo[bufnr].modifiable = false
  for _, window in ipairs(windows) do
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(bufnr), 0 })
  end
end

function M.lines()
  return vim.api.nvim_buf_get_lines(log_buffer(), 0, -1, false)
end

function M.start()
  session.subscribe(function(run, _, event)
    M.append(runs.log_lines(run, event))
  end)
end

function M.open()
  panel.open(log_buffer())
  vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(0), 0 })
end

return M
