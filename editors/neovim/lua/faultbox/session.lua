-- What this Neovim knows: tests of each file, runs, the newest state of each test. One place that all views read.
local places = require('faultbox.places')
local runs = require('faultbox.runs')

local M = {
  --- By document: what the server said can be run.
  tests = {},
  --- By client and the server's own number: a server that was started again counts from the beginning.
  runs = {},
  --- By document, by test: its newest leaf.
  latest = {},
  last_run = nil,
  --- What was last asked for, to ask for it again.
  last_arguments = nil,
}

local listeners = {}
local test_listeners = {}

--- Calls back with (run, leaf or nil, event) after each event.
function M.subscribe(listener)
  listeners[#listeners + 1] = listener
end

--- Calls back with the document after its tests, and so perhaps its matrices, changed.
function M.subscribe_tests(listener)
  test_listeners[#test_listeners + 1] = listener
end

--- Takes the parameters of `faultbox/testsChanged`.
function M.receive_tests(params)
  M.tests[params.uri] = params.tests
  for _, listener in ipairs(test_listeners) do
    listener(params.uri)
  end
end

local function remember(run, leaf)
  local latest = M.latest[run.uri] or {}
  M.latest[run.uri] = latest
  latest[leaf.test] = leaf
end

local function key_of(client_id, run_id)
  return ('%s:%s'):format(client_id, run_id)
end

--- Takes the parameters of `faultbox/testEvent`, and whose they are.
function M.receive(params, client_id)
  local key = key_of(client_id, params.runId)
  local run = M.runs[key]
  if not run then
    run = runs.new(params.runId, params.uri)
    run.client_id = client_id
    run.edits = places.remember_edits()
    M.runs[key] = run
    M.last_run = run
  end
  local event = params.event
  runs.apply(run, event)
  local leaf = runs.leaf_of(run, event)
  if leaf then
    remember(run, leaf)
  elseif event.event == 'run_started' then
    for _, each in ipairs(run.leaves) do
      each.edits = run.edits
      remember(run, each)
    end
  elseif event.event == 'queued' then
    M.last_arguments = run.tests and { uri = run.uri, tests = run.tests } or { uri = run.uri, all = true }
  end
  for _, listener in ipairs(listeners) do
    listener(run, leaf, event)
  end
  if event.event == 'ended' then
    M.runs[key] = nil
    for _, each in ipairs(run.leaves) do
      if each.status == 'not_run' and M.latest[run.uri][each.test] == each then
        M.latest[run.uri][each.test] = nil
      end
    end
  end
end

--- A server is gone: so is everything it ran.
function M.server_stopped(client_id)
  for _, run in pairs(vim.tbl_extend('force', {}, M.runs)) do
    if run.client_id == client_id then
      local event = { event = 'ended', cancelled = true, message = 'the server stopped' }
      M.receive({ runId = run.id, uri = run.uri, event = event }, client_id)
    end
  end
end

function M.is_running()
  return next(M.runs) ~= nil
end

--- The innermost test around a line (from 0); a matrix before its cells, which share its lines.
function M.test_at(uri, line)
  local best
  for _, item in ipairs(M.tests[uri] or {}) do
    local first, last = item.range.start.line, item.range['end'].line
    if first <= line and line <= last then
      local height = last - first + (item.kind == 'cell' and 0.5 or 0)
      if not best or height < best.height then
        best = { item = item, height = height }
      end
    end
  end
  return best and best.item
end

return M
