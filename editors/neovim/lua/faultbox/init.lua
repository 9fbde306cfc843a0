-- Faultbox for Neovim: see :help faultbox.
local M = {}

M.defaults = {
  -- The program; a name is looked for on $PATH.
  path = 'faultbox',
  -- false: nothing of the workspace is evaluated or run.
  trusted = true,
  -- Show and refresh the Run lenses.
  codelens = true,
  -- A sign at each test with its last outcome.
  signs = true,
  -- Behind rules: how often they fired. Behind the failing line: expected and actual.
  virtual_text = true,
  -- After a run with failures: 'fill' the quickfix list, 'open' it too, or false.
  quickfix = 'fill',
  -- Called with (client, bufnr) when the server is attached.
  on_attach = nil,
  -- Added to what Neovim tells the server it can do, for completion plugins.
  capabilities = nil,
}

M.options = vim.deepcopy(M.defaults)

--- Changes options; needed only for options that are not the defaults.
---@param options table|nil see |faultbox-options|
function M.setup(options)
  for name in pairs(options or {}) do
    -- `nil` defaults cannot be found in the table, so they are named.
    if M.defaults[name] == nil and name ~= 'on_attach' and name ~= 'capabilities' then
      error(('faultbox: there is no option %q; see :help faultbox-options'):format(name))
    end
  end
  M.options = vim.tbl_deep_extend('force', M.defaults, options or {})
end

return M
