-- :checkhealth faultbox
local M = {}

-- `vim.health` has these names since 0.10; before, they began with `report_`.
local report = vim.health or require('health')
local start = report.start or report.report_start
local ok = report.ok or report.report_ok
local warn = report.warn or report.report_warn
local fail = report.error or report.report_error

local function check_program()
  local client = require('faultbox.client')
  local path = client.program()
  if not path then
    local wanted = require('faultbox').options.path
    fail(("%q is not a program on $PATH or an absolute path to one"):format(wanted), { 'install faultbox, or set `path` in require("faultbox").setup()' })
    return
  end
  local version = vim.trim(vim.fn.system({ path, '--version' }))
  if vim.v.shell_error == 0 then
    ok(('%s: %s'):format(vim.fn.exepath(path), vim.split(version, '\n')[1]))
  else
    warn(('%s does not tell its version: %s'):format(path, vim.split(version, '\n')[1]))
  end
end

function M.check()
  start('faultbox')
  if vim.fn.has('nvim-0.10') == 1 then
    ok('Neovim 0.10 or later')
  elseif vim.fn.has('nvim-0.7') == 1 then
    warn('Neovim before 0.10: everything works but inlay hints')
  else
    fail('Neovim 0.7 or later is needed')
  end
  check_program()
  local client = require('faultbox.client').client()
  if client then
    ok(('the server is running, client %d'):format(client.id))
  else
    warn('the server is not running', { 'it starts when a spec is opened' })
  end
  local status = require('faultbox.session').status
  if status and status.health ~= 'ok' then
    warn(('the server says: %s'):format(status.message or status.health))
  end
end

return M
