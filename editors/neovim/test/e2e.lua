-- A user's session by keyboard: lens, pass, edit without saving, fail, quickfix, matrix, cancel, a second spec, a server
-- that hangs, clean stop. SPEC and OTHER are copies of the seed chapter, SERVER the program: the stub or the real one.
local PATIENCE_MS = tonumber(vim.env.PATIENCE_MS or '60000')

local function say(...)
  io.stdout:write(table.concat({ ... }, ' ') .. '\n')
end

local function wait(what, condition)
  if not vim.wait(PATIENCE_MS, condition, 20) then
    error('waited in vain for ' .. what, 2)
  end
end

local function line_of(pattern, from)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, from or 0, -1, false)) do
    if line:find(pattern) then
      return number + (from or 0)
    end
  end
  error('no line with ' .. pattern)
end

local function story()
  local session = require('faultbox.session')
  local marks = require('faultbox.marks')
  local compat = require('faultbox.compat')
  require('faultbox').setup({ path = vim.env.SERVER })
  vim.notify = function(text)
    say('  notify:', text)
  end

  -- A file of Bazel's stays what it is.
  vim.cmd('edit ' .. vim.fn.fnamemodify(vim.env.SPEC, ':h') .. '/BUILD.star')
  assert(vim.bo.filetype ~= 'faultbox', 'BUILD.star is not a spec')
  assert(#compat.clients() == 0)

  vim.cmd('edit ' .. vim.env.SPEC)
  assert(vim.bo.filetype == 'faultbox', 'the spec has its file type')
  local bufnr, uri = vim.api.nvim_get_current_buf(), vim.uri_from_bufnr(0)
  wait('the server', function()
    return compat.clients()[1] and (compat.clients()[1].initialized or compat.clients()[1].server_capabilities)
  end)
  local scenario = line_of('fault_scenario%("write_gets_503"')
  local expectation = line_of('expect = ', scenario)

  local function lens_at(line)
    local found = vim.lsp.codelens.get(vim.fn.has('nvim-0.12') == 1 and { bufnr = bufnr } or bufnr) or {}
    for _, each in pairs(found) do
      local lens = each.lens or each
      if lens.range.start.line == line - 1 and lens.command and lens.command.command == 'faultbox.run' then
        return lens.command.title
      end
    end
  end
  local function latest(test)
    local leaf = (session.latest[uri] or {})[test]
    return leaf and leaf.status
  end
  local function idle()
    return not session.is_running()
  end
  local function mark(line, key, text)
    for _, each in ipairs(marks.shown(bufnr)) do
      if each.line == line - 1 and each[key] and each[key]:find(text, 1, true) then
        return true
      end
    end
    return false
  end

  -- The lens runs the test, which passes.
  wait('a lens', function()
    return lens_at(scenario)
  end)
  vim.api.nvim_win_set_cursor(0, { scenario, 0 })
  vim.ui.select = function(items, _, choose)
    choose(items[1], 1)
  end
  vim.lsp.codelens.run()
  wait('a pass', function()
    return latest('test_write_gets_503') == 'pass' and idle()
  end)
  wait('the outcome in the lens', function()
    return (lens_at(scenario) or ''):find('✓')
  end)
  assert(mark(scenario, 'sign', '✓'), 'a sign at the test')
  local rule = line_of('rules = %[response')
  if not compat.shows_inlay_hints(bufnr) then
    wait('what the rule did', function()
      return mark(rule, 'text', 'fired ') or mark(rule - 1, 'text', 'fired ')
    end)
  end
  say('pass:', lens_at(scenario))

  -- 503 becomes 500 in the buffer only.
  local text = vim.api.nvim_buf_get_lines(0, expectation - 1, expectation, false)[1]
  vim.api.nvim_buf_set_lines(0, expectation - 1, expectation, false, { (text:gsub('503', '500', 1)) })
  vim.api.nvim_win_set_cursor(0, { expectation, 0 })
  wait('the test at the cursor', function()
    local item = session.test_at(uri, expectation - 1) or session.test_at(uri, scenario - 1)
    return item and item.run[1] == 'test_write_gets_503'
  end)
  if not session.test_at(uri, expectation - 1) then
    vim.api.nvim_win_set_cursor(0, { scenario, 0 })
  end
  vim.cmd('Faultbox run')
  wait('the failure', function()
    return latest('test_write_gets_503') == 'fail' and idle()
  end)
  local diagnostic
  wait('its diagnostic', function()
    for _, each in ipairs(vim.diagnostic.get(bufnr)) do
      if each.source == 'faultbox run' then
        diagnostic = each
      end
    end
    return diagnostic
  end)
  assert(diagnostic.lnum == expectation - 1, 'the diagnostic is at line ' .. diagnostic.lnum + 1)
  local failure = session.latest[uri]['test_write_gets_503'].failure
  assert(failure.expected == '500' and failure.actual == '503', vim.inspect(failure))
  assert(vim.bo.modified, 'the run did not save the buffer')
  assert(mark(scenario, 'sign', '✗'), 'a sign at the failed test')
  local first = vim.fn.getqflist()[1]
  assert(first and first.lnum == expectation and first.type == 'E', 'the failure is in the quickfix list')
  say('fail:', diagnostic.lnum + 1 .. ':', diagnostic.message)

  -- The matrix: <CR> on a cell runs it.
  vim.cmd('Faultbox matrix')
  local window = vim.api.nvim_get_current_win()
  wait('the matrix', function()
    return vim.fn.search('^health') > 0
  end)
  vim.fn.cursor(vim.fn.search('^health'), 1)
  vim.fn.search('│', '', vim.fn.line('.'))
  vim.cmd('normal! 2l')
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes('<CR>', true, false, true), 'mx', false)
  wait('the cell', function()
    return latest('test_matrix_health_api_503') == 'pass' and idle()
  end)
  wait('the cell in the table', function()
    vim.api.nvim_set_current_win(window)
    return vim.fn.search('PASS') > 0
  end)
  say('matrix:', vim.fn.getline(vim.fn.search('^health')))

  -- gd goes to the cell's rule, in the buffer that is not saved.
  vim.fn.cursor(vim.fn.search('^health'), 1)
  vim.fn.search('│', '', vim.fn.line('.'))
  vim.cmd('normal! 2l')
  vim.api.nvim_feedkeys('gd', 'mx', false)
  assert(vim.api.nvim_get_current_buf() == bufnr and vim.bo.modified, 'gd leads to the buffer')
  assert(vim.fn.line('.') == rule, 'gd leads to the rule, not to line ' .. vim.fn.line('.'))
  assert(#vim.api.nvim_list_wins() == 2, 'gd opens no window')
  vim.api.nvim_set_current_win(window)
  vim.cmd('close')

  -- The log.
  vim.cmd('Faultbox log')
  assert(vim.fn.search('FAIL: test_write_gets_503') > 0, 'the log tells of the failure')
  vim.cmd('close')

  -- Cancel.
  vim.cmd('Faultbox run test_slow_reads')
  wait('a run on its way', function()
    return latest('test_slow_reads') == 'running'
  end)
  local cancelled
  session.subscribe(function(run, _, event)
    if event.event == 'ended' then
      cancelled = run.cancelled
    end
  end)
  vim.cmd('Faultbox cancel')
  wait('the end of the run', function()
    return cancelled ~= nil
  end)
  assert(cancelled, 'the run says that it was cancelled')
  say('cancel: ok')

  -- A spec with another root has the same server, which takes its text from the buffer, too.
  vim.cmd('edit ' .. vim.env.OTHER)
  bufnr, uri = vim.api.nvim_get_current_buf(), vim.uri_from_bufnr(0)
  wait('the tests of the other spec', function()
    return #(session.tests[uri] or {}) > 0
  end)
  assert(#compat.clients() == 1, 'there is one server')
  text = vim.api.nvim_buf_get_lines(0, expectation - 1, expectation, false)[1]
  vim.api.nvim_buf_set_lines(0, expectation - 1, expectation, false, { (text:gsub('503', '500', 1)) })
  vim.cmd('Faultbox run test_write_gets_503')
  wait('the failure in the other spec', function()
    return latest('test_write_gets_503') == 'fail' and idle()
  end)
  vim.cmd('Faultbox matrix')
  wait('the other matrix', function()
    return vim.fn.search('^health') > 0
  end)
  vim.cmd('close')
  vim.cmd('silent undo')
  say('other spec: ok')

  -- A server that does not answer any more.
  local hung = compat.clients()[1].id
  vim.loop.kill(compat.process(hung), 'sigstop')
  require('faultbox.client').refresh_lenses(uri) -- asked and never answered
  vim.wait(100)
  vim.cmd('Faultbox restart')
  wait('a new server', function()
    local client = compat.clients()[1]
    return #compat.clients() == 1 and client.id ~= hung and (client.initialized or client.server_capabilities)
  end)
  assert(not vim.loop.kill(compat.process(hung), 0), 'the old server is gone')
  vim.cmd('Faultbox run test_write_gets_503')
  wait('a pass from the new server', function()
    return latest('test_write_gets_503') == 'pass' and idle()
  end)
  wait('its outcome in the lens', function()
    return (lens_at(scenario) or ''):find('✓')
  end)
  say('restart: ok')

  -- Help, health, and a clean stop.
  assert(vim.fn.getcompletion('faultbox-use', 'help')[1] == 'faultbox-use', 'the help has its tags')
  vim.cmd('checkhealth faultbox')
  local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  assert(health:find('the server is running'), health)
  vim.cmd('edit ' .. vim.env.SPEC)
  for _, client in ipairs(compat.clients()) do
    compat.stop(client)
  end
  wait('the server to stop', function()
    return #compat.clients() == 0
  end)
  say('stop: ok')
end

local ok, err = xpcall(story, debug.traceback)
if not ok then
  say('FAIL', err)
  say('messages:', vim.api.nvim_exec('messages', true))
end
vim.cmd(ok and 'qall!' or 'cquit')
