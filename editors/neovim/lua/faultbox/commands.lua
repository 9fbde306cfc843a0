-- :Faultbox and its subcommands.
local client = require('faultbox.client')
local session = require('faultbox.session')

local M = {}

local function tell(text)
  vim.notify('faultbox: ' .. text, vim.log.levels.WARN)
end

--- The document of the current buffer, or of the last run when the cursor is in a panel.
local function uri()
  if vim.bo.filetype == 'faultbox' then
    return vim.uri_from_bufnr(0)
  end
  return session.last_arguments and session.last_arguments.uri
end

local actions = {}

--- run            the test at the cursor        run all · run failed      the file
--- run NAME ...   tests by name
function actions.run(words)
  local document = uri()
  if not document then
    return tell('open a spec first')
  end
  if words[1] == 'all' or words[1] == 'failed' then
    return client.run({ uri = document, [words[1]] = true })
  elseif #words > 0 then
    return client.run({ uri = document, tests = words })
  end
  local item = session.test_at(document, vim.api.nvim_win_get_cursor(0)[1] - 1)
  if not item then
    return tell('the cursor is in no test; `:Faultbox run all` runs the file')
  end
  client.run({ uri = document, tests = item.run })
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
  require('faultbox.matrix').open(document)
end

function actions.log()
  require('faultbox.log').open()
end

function actions.restart()
  client.restart()
end

--- Copies the shell command for the test at the cursor, or for the file.
function actions.command()
  local document = uri()
  if not document then
    return tell('open a spec first')
  end
  local item = session.test_at(document, vim.api.nvim_win_get_cursor(0)[1] - 1)
  local arguments = item and { uri = document, tests = item.run } or { uri = document, all = true }
  client.command('faultbox.showCommand', arguments, function(reply)
    local line = table.concat(vim.tbl_map(vim.fn.shellescape, reply.argv), ' ')
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
