-- Defines :Faultbox. Everything else is loaded when a spec is opened or the command is used.
if vim.g.loaded_faultbox then
  return
end
vim.g.loaded_faultbox = true

vim.api.nvim_create_user_command('Faultbox', function(call)
  require('faultbox.commands').execute(call.fargs)
end, {
  nargs = '*',
  desc = 'Run and inspect Faultbox tests',
  complete = function(lead, line)
    return require('faultbox.commands').complete(lead, line)
  end,
})
