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
client.ask = ask

-- Only specs get the file type.
check('spec', filetype.is_spec({ '# x', 'db = service("db", "bin")' }), true)
check('bazel', filetype.is_spec({ 'load("//tools:rules.bzl", "library")', 'library(name = "service")' }), false)

-- neotest: positions from the text, results from the lines.
local spec = { 'def test_a():', '    pass', '', 'scenario(b)', 'fault_scenario("c",', '    x = ")",  # )', ')', 'fault_matrix(', ')' }
check('positions', vim.tbl_map(function(item)
  return { item.name, item.first, item.last }
end, positions.of_lines(spec)), { { 'test_a', 1, 2 }, { 'test_b', 4, 4 }, { 'test_c', 5, 7 }, { 'test_matrix_*', 8, 9 } })
local found = results.of_lines(golden, decode)
check('result', { found.test_write_gets_503.status, found.test_write_gets_503.errors[1].line }, { 'failed', 8 })
check('cells', results.of_cells(found).status, 'passed')

-- Options are checked.
check('unknown option', pcall(require('faultbox').setup, { pth = 'x' }), false)
require('faultbox').setup({ path = 'faultbox' })

io.stdout:write(failures == 0 and 'unit: passed\n' or ('unit: %d failed\n'):format(failures))
vim.cmd(failures == 0 and 'qall!' or 'cquit')
