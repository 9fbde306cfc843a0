-- Buffers that show something of ours, each in one window below the others.
local M = {}

--- The panel's buffer: the one it has, or a new one with `keys`. `:bdelete` leaves nothing of a buffer but its number.
function M.buffer(known, name, keys)
  if known and vim.api.nvim_buf_is_loaded(known) then
    return known
  end
  if known and vim.api.nvim_buf_is_valid(known) then
    vim.api.nvim_buf_delete(known, { force = true })
  end
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(bufnr, name)
  vim.bo[bufnr].bufhidden = 'hide'
  vim.bo[bufnr].modifiable = false
  for key, action in pairs(vim.tbl_extend('keep', keys, { q = '<Cmd>close<CR>' })) do
    local is_text = type(action) == 'string'
    local options = { noremap = true, silent = true, callback = not is_text and action or nil }
    vim.api.nvim_buf_set_keymap(bufnr, 'n', key, is_text and action or '', options)
  end
  return bufnr
end

--- Goes to the window that shows the panel, or opens one.
function M.open(bufnr)
  local window = vim.fn.bufwinid(bufnr)
  if window >= 0 then
    vim.fn.win_gotoid(window)
  else
    vim.cmd('botright 12split')
    vim.api.nvim_win_set_buf(0, bufnr)
  end
end

return M
