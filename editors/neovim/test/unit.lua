-- The parts that need no server. Run by run.sh in every Neovim there is.
local failures = 0

local function check(what, actual, expected)
  if vim.deep_equal(actual, expected) then
    return
  end
  failures = failures + 1
  io.stdout:write(('FAIL %s\n  expected %s\n  got      %s\n'):format(what, vim.inspect(expected), vim.inspect(actual)))
end

local runs = require('faultbox.runs')
local matrix = require('faultbox.matrix')
local filetype = require('faultbox.filetype')
local positions = require('neotest-faultbox.positions')
local results = require('neotest-faultbox.results')
local decode = vim.json and vim.json.decode or vim.fn.json_decode

-- The engine's golden file is understood.
local golden = vim.fn.readfile(vim.env.REPOSITORY .. '/engine/src/report/golden/events.jsonl')
local run = runs.new('r1', 'file:///spec.star')
local log = {}
for _, line in ipairs(golden) do
  local event = decode(line)
  runs.apply(run, event)
  vim.list_extend(log, runs.log_lines(run, event))
end
check('outcomes', vim.tbl_map(function(leaf)
  return { leaf.test, leaf.status }
end, run.leaves), { { 'test_write_gets_503', 'fail' }, { 'test_matrix_a_x', 'pass' } })
check('summary', runs.summary(run), '1 passed, 1 failed')
check('failure', runs.failure_text(run.leaves[1].failure), 'expected 503, got 404')
check('log has the hit', #vim.tbl_filter(function(line)
  return line:find('api_503%[0%]: POST /data/testkey %-> response 503') ~= nil
end, log), 1)

-- Passes without an act of a fault are counted, and a service's end has its cause.
local silent = runs.new('r3', 'file:///spec.star')
runs.apply(silent, { event = 'run_finished', totals = { passed = 3, failed = 0, notFired = 2 }, interrupted = false })
check('not fired', runs.summary(silent), '3 passed (2 not fired)')
local death = { event = 'service_exited', atMs = 1, service = 'db', status = 'exit code 1', expected = false,
  allowed = false, cause = '3 ms after write -> EIO on /x' }
check('death', runs.log_lines(silent, death), { '       1 ms  db died: exit code 1, 3 ms after write -> EIO on /x' })

-- What was not finished when a run is killed was not run.
local killed = runs.new('r2', 'file:///spec.star')
runs.apply(killed, { event = 'run_started', leaves = { { test = 'test_a', place = {} } } })
runs.apply(killed, { event = 'phase', leaf = 0, phase = 'starting', service = 'db' })
check('phase', killed.leaves[1].phase, 'starting db')
runs.apply(killed, { event = 'ended', cancelled = true, message = vim.NIL })
check('killed', { killed.leaves[1].status, runs.summary(killed) }, { 'not_run', 'cancelled' })
runs.apply(killed, { event = 'from_the_future', leaf = 9 })

-- The matrix is the terminal's table; cells know where they are.
local cells = {
  { row = 0, column = 0, test = 'test_matrix_a_x', result = vim.NIL },
  { row = 0, column = 1, test = vim.NIL, result = vim.NIL },
}
local plan = { scenarios = { 'a' }, faults = { 'x', 'y' }, faultRanges = { vim.NIL, vim.NIL }, cells = cells }
local lines, where = matrix.render(plan, { test_matrix_a_x = run.leaves[2] }, 0)
check('matrix', lines, { '  │ x           │ y', '──┼─────────────┼───', 'a │ PASS (4 ms) │ —' })
check('cell', lines[3]:sub(where[1].from + 1, where[1].to), 'PASS (4 ms)')

-- An open matrix asks again when the tests of its spec change, and for those only.
local client, session = require('faultbox.client'), require('faultbox.session')
local ask, asked = client.ask, {}
client.ask = function(method, _, done)
  asked[#asked + 1] = method
  done({ matrices = #asked > 1 and { plan } or {} })
end
matrix.open('file:///spec.star')
session.receive_tests({ uri = 'file:///other.star', tests = {} })
check('matrix asks', asked, { 'faultbox/matrix' })
session.receive_tests({ uri = 'file:///spec.star', tests = {} })
check('matrix asks again', asked, { 'faultbox/matrix', 'faultbox/matrix' })
check('matrix shows it', vim.api.nvim_buf_get_lines(0, 4, 5, false), { 'a │ · │ —' })
vim.cmd('close')

-- A window opened again after `:bdelete` has its keys; the log has one window.
matrix.open('file:///spec.star')
local keys = #vim.api.nvim_buf_get_keymap(0, 'n')
vim.cmd('bdelete')
matrix.open('file:///spec.star')
check('keys', { keys, #vim.api.nvim_buf_get_keymap(0, 'n') }, { 6, 6 })
vim.cmd('close')
client.ask = ask
for _ = 1, 3 do
  vim.cmd('Faultbox log')
end
check('windows of the log', #vim.api.nvim_list_wins(), 2)
vim.cmd('close')

-- Only specs get the file type.
for text, is_spec in pairs({
  ['# x\ndb = service("db", "bin")'] = true,
  ['db = service(\n    # The store.\n    "db",\n    "bin",\n)\ndef test_x():\n    pass'] = true,
  ['db = service(name = "db", binary = "bin")'] = true,
  ['load(\n    "@faultbox/x.star", "y")'] = true,
  ['slow = fault_assumption("slow")'] = true,
  ['load("//tools:rules.bzl", "library")\nlibrary(name = "service")'] = false,
  ['x = plan.add_service("db")\n# db = service("db")'] = false,
}) do
  check('spec: ' .. text, filetype.is_spec(vim.split(text, '\n')), is_spec)
end
check('names', { filetype.is_name('/a/x.faultbox.star'), filetype.is_name('/a/xfaultbox.star') }, { true, false })

-- Lines follow edits: {row, column, old rows, new rows}, then where line 5 is.
local places = require('faultbox.places')
for what, case in pairs({
  above = { { 0, 0, 0, 5 }, 10 },
  ['at its start'] = { { 5, 0, 0, 2 }, 7 },
  ['at its end'] = { { 5, 9, 0, 1 }, 5 },
  below = { { 6, 0, 0, 1 }, 5 },
  ['removed above'] = { { 2, 0, 2, 0 }, 3 },
  removed = { { 5, 0, 1, 0 }, nil },
  ['written anew'] = { { 4, 0, 3, 4 }, 5 },
}) do
  local edit = { row = case[1][1], column = case[1][2], old = case[1][3], new = case[1][4] }
  check('line ' .. what, places.moved(5, edit), case[2])
end

-- Results stand where the text is now: five lines are added while two tests run. Both use one rule, that fires in one.
local notify, told = vim.notify, {}
vim.notify = function(text)
  told[#told + 1] = text
end
local path = vim.fn.tempname() .. '.star'
vim.cmd('edit ' .. path)
vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'rule', 'a', 'b', '"é😀"; expect' })
local bufnr, uri = vim.api.nvim_get_current_buf(), vim.uri_from_bufnr(0)
local marks = require('faultbox.marks')
marks.start()
places.follow(bufnr)
local function at(line, column)
  return { path = path, line = line, column = column or 0 }
end
local function tell(event, client_id)
  session.receive({ runId = 'r1', uri = uri, event = event }, client_id or 1)
end
local function finish(leaf, test, outcome, fired, failure)
  local summary = ('fired %dx'):format(fired)
  local evidence = { { rule = 'r[0]', fired = fired, summary = fired > 0 and summary or 'never fired', place = at(0) } }
  tell({ event = 'leaf_finished', leaf = leaf, test = test, outcome = outcome, durationMs = 1, evidence = evidence,
    failure = failure or vim.NIL })
end
tell({ event = 'queued', tests = vim.NIL, argv = {} })
tell({ event = 'run_started', leaves = { { test = 'test_a', place = at(1) }, { test = 'test_b', place = at(2) } } })
vim.api.nvim_buf_set_lines(bufnr, 0, 0, false, { '', '', '', '', '' })
finish(0, 'test_a', 'pass', 1)
finish(1, 'test_b', 'fail', 0, { message = 'no', place = at(3, 7), notes = {}, help = {} })
local function shown()
  local found = vim.tbl_map(function(mark)
    return ('%d %s'):format(mark.line, mark.sign or vim.trim(mark.text))
  end, marks.shown(bufnr))
  table.sort(found)
  return vim.tbl_filter(function(words)
    return not words:find('^8 ')
  end, found)
end
vim.wait(1000, function()
  return #shown() == 3
end)
check('marks', shown(), { '5 fired 1×', '6 ✓', '7 ✗' })
tell({ event = 'ended', cancelled = false, message = vim.NIL })
local item = vim.fn.getqflist()[1]
check('quickfix', { item.lnum, item.col }, { 9, #'"é😀"; ' + 1 })

-- Two servers number their runs alike; the end of one ends its own only.
tell({ event = 'queued', tests = vim.NIL, argv = {} }, 1)
tell({ event = 'queued', tests = vim.NIL, argv = {} }, 2)
told = {}
session.server_stopped(1)
check('still running', { vim.tbl_keys(session.runs), #told }, { { '2:r1' }, 1 })
session.server_stopped(2)
check('nothing runs', session.is_running(), false)

-- What cannot be done is said, and nothing else happens.
local function says(command)
  told = {}
  vim.cmd(command)
  return told[1] or ''
end
require('faultbox').setup({ path = '/nowhere/faultbox' })
check('no spec', says('Faultbox run'), 'faultbox: open a spec first')
check('no spec to show the command of', says('Faultbox command'), 'faultbox: open a spec first')
vim.bo.filetype = 'faultbox'
for _, command in ipairs({ 'run', 'run all', 'matrix', 'restart' }) do
  check(command .. ' without a program', says('Faultbox ' .. command):find('"/nowhere/faultbox" is not a program', 1, true), 11)
end
check('no window without a server', #vim.api.nvim_list_wins(), 1)
require('faultbox').setup({ path = 'sh' })
check('not running', says('Faultbox run'), 'faultbox: the server is not running; see :checkhealth faultbox')
vim.cmd('bwipeout!')
vim.notify = notify

-- The command for a shell says where it runs, and names our program.
local shell_line = require('faultbox.commands').shell_line
require('faultbox').setup({ path = "/opt/it's/faultbox" })
check('here', shell_line({ 'faultbox', 'test', 'x.star' }, vim.fn.getcwd()), [['/opt/it'\''s/faultbox' test x.star]])
require('faultbox').setup({ path = 'faultbox' })
check('elsewhere', shell_line({ 'faultbox', 'test', 'x (1).star' }, '/a b'), "cd '/a b' && faultbox test 'x (1).star'")

-- neotest: positions from the text, results from the lines.
local spec = { 'def test_a():', '    pass', '', 'scenario(b)', 'fault_scenario("c",', '    x = ")",  # )', ')', 'fault_matrix(', ')' }
check('positions', vim.tbl_map(function(item)
  return { item.name, item.first, item.last }
end, positions.of_lines(spec)), { { 'test_a', 1, 2 }, { 'test_b', 4, 4 }, { 'test_c', 5, 7 }, { 'test_matrix_*', 8, 9 } })
local named = { 'fault_scenario(name="a", scenario=f)', 'fault_scenario(', '  scenario = f,', '  name = "b",', ')', 'scenario(fn = c)' }
vim.list_extend(named, { 'fault_matrix(scenarios=[f])', 'fault_matrix(scenarios=[g])' })
check('positions with names', vim.tbl_map(function(one)
  return one.id or one.name
end, positions.of_lines(named)), { 'test_a', 'test_b', 'test_c', 'matrix', 'matrix 2' })
local found = results.of_lines(golden, decode)
check('result', { found.test_write_gets_503.status, found.test_write_gets_503.errors[1].line }, { 'failed', 8 })
check('cells', results.of_cells(found).status, 'passed')

-- A place in a recipe is no line of the spec.
local places = require('faultbox.places')
local recipe = { path = '@faultbox/recipes/http.star', line = 3 }
check('recipe', places.path(recipe, 'file:///spec.star'), recipe.path)
check('relative place', places.path({ path = 'spec.star', line = 3 }, 'file:///w/spec.star'), '/w/spec.star')
local in_recipe = { event = 'leaf_finished', test = 'a', outcome = 'fail', failure = { message = 'm', place = recipe } }
check('no line of a recipe', results.of_lines({ 'x' }, function()
  return in_recipe
end).a.errors, { { message = 'm' } })

-- Only regular files are read.
local files = require('faultbox.files')
local folder = vim.fn.tempname()
vim.fn.mkdir(folder)
vim.fn.writefile({ 'scenario(a)', 'b', 'c' }, folder .. '/a.star')
vim.fn.system({ 'mkfifo', folder .. '/pipe.star' })
vim.fn.system({ 'ln', '-s', '/dev/zero', folder .. '/zero.star' })
vim.fn.system({ 'ln', '-s', '/proc/kmsg', folder .. '/kmsg.star' })
check('lines', files.lines(folder .. '/a.star', 2), { 'scenario(a)', 'b' })
local adapter = require('neotest-faultbox')
check('a spec', adapter.is_test_file(folder .. '/a.star'), true)
for _, name in ipairs({ 'pipe', 'zero', 'kmsg', 'gone' }) do
  check(name, adapter.is_test_file(folder .. '/' .. name .. '.star'), false)
end

-- A program is named by $PATH or absolutely: the current folder may be anybody's.
vim.fn.writefile({ '#!/bin/sh' }, folder .. '/tool')
vim.fn.setfperm(folder .. '/tool', 'rwxr-xr-x')
vim.cmd('cd ' .. folder)
for path, expected in pairs({ ['./tool'] = false, ['../' .. vim.fn.fnamemodify(folder, ':t') .. '/tool'] = false, [folder .. '/tool'] = true, sh = true }) do
  require('faultbox').setup({ path = path })
  check('program ' .. path, client.program() ~= nil, expected)
end

-- Options are checked.
check('unknown option', pcall(require('faultbox').setup, { pth = 'x' }), false)
require('faultbox').setup({ path = 'faultbox' })

io.stdout:write(failures == 0 and 'unit: passed\n' or ('unit: %d failed\n'):format(failures))
vim.cmd(failures == 0 and 'qall!' or 'cquit')
