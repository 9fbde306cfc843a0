-- Runs as their events tell them: editors/PROTOCOL.md, and engine/src/report/wire.rs for the lines of a run.
-- Pure: events in, state out. Events and keys that are not known here are skipped.
local M = {}

---@class faultbox.Leaf
---@field test string
---@field place table
---@field cell table|nil
---@field status string 'queued', 'running' or an outcome
---@field phase string
---@field duration_ms number
---@field failure table|nil
---@field evidence table[]
---@field replay string|nil

--- `vim.NIL` and nil are the same to us.
local function value(json)
  if json == vim.NIL then
    return nil
  end
  return json
end

function M.new(id, uri)
  return { id = id, uri = uri, tests = nil, leaves = {}, ended = false, cancelled = false, message = nil, totals = nil }
end

local function over(status)
  return status ~= 'queued' and status ~= 'running'
end

local function apply_to_leaf(leaf, event)
  if event.event == 'leaf_finished' then
    leaf.status = event.outcome
    leaf.phase = ''
    leaf.duration_ms = event.durationMs
    leaf.not_fired = value(event.notFired) == true
    leaf.failure = value(event.failure)
    leaf.evidence = event.evidence
    leaf.replay = value(event.replay)
  elseif not over(leaf.status) then
    leaf.status = 'running'
    if event.event == 'phase' then
      leaf.phase = event.service and (event.phase .. ' ' .. event.service) or event.phase
    end
  end
end

--- The leaf an event is about; leaves count from 0 on the wire.
function M.leaf_of(run, event)
  local number = value(event.leaf)
  return number and run.leaves[number + 1] or nil
end

function M.apply(run, event)
  local kind = event.event
  if kind == 'queued' then
    run.tests = value(event.tests)
  elseif kind == 'run_started' then
    run.leaves = vim.tbl_map(function(leaf)
      return {
        test = leaf.test,
        place = leaf.place,
        cell = value(leaf.cell),
        status = 'queued',
        phase = '',
        duration_ms = 0,
        not_fired = false,
        evidence = {},
      }
    end, event.leaves)
  elseif kind == 'run_finished' then
    run.totals = event.totals
    run.cancelled = run.cancelled or event.interrupted
  elseif kind == 'ended' then
    run.ended = true
    run.cancelled = run.cancelled or event.cancelled
    run.message = value(event.message)
    for _, leaf in ipairs(run.leaves) do
      if not over(leaf.status) then
        leaf.status = 'not_run'
      end
    end
  else
    local leaf = M.leaf_of(run, event)
    if leaf then
      apply_to_leaf(leaf, event)
    end
  end
end

function M.is_good(outcome)
  return outcome == 'pass' or outcome == 'skipped'
end

--- Ended, and told something about its test.
function M.has_outcome(leaf)
  return over(leaf.status) and leaf.status ~= 'not_run'
end

function M.duration(ms)
  if ms < 1000 then
    return ('%.0f ms'):format(ms)
  end
  return ('%.2f s'):format(ms / 1000)
end

--- The name without `test_`, which the runner adds again.
function M.short(test)
  local rest = test:match('^test_(.+)$')
  return rest and not rest:find('^test_') and rest or test
end

function M.word(outcome)
  return (outcome:gsub('_', ' '):upper())
end

--- `expected 503, got 404`, or the message when nothing was compared.
function M.failure_text(failure)
  local expected, actual = value(failure.expected), value(failure.actual)
  local text = expected and actual and ('expected %s, got %s'):format(expected, actual) or failure.message
  return vim.split(text, '\n')[1]
end

--- `9 passed, 2 failed, cancelled`, `9 passed (2 not fired)`.
function M.summary(run)
  local parts = {}
  local words = { 'passed', 'failed', 'errors', 'timeouts', 'bypassed', 'inconclusive', 'skipped', 'notRun' }
  for _, word in ipairs(words) do
    local count = run.totals and run.totals[word] or 0
    if count > 0 or (word == 'passed' and run.totals) then
      parts[#parts + 1] = ('%d %s'):format(count, word == 'notRun' and 'not run' or word)
    end
  end
  if run.cancelled then
    parts[#parts + 1] = 'cancelled'
  end
  local silent = run.totals and run.totals.notFired or 0
  local tail = silent > 0 and (' (%d not fired)'):format(silent) or ''
  return (#parts > 0 and table.concat(parts, ', ') or (run.message or 'nothing was run')) .. tail
end

--- The lines an event leaves in the log.
function M.log_lines(run, event)
  local kind = event.event
  local function stamp(text)
    return ('  %6.0f ms  %s'):format(event.atMs or 0, text)
  end
  if kind == 'queued' then
    return { '', '$ ' .. table.concat(event.argv, ' ') }
  elseif kind == 'log' or kind == 'notice' then
    return vim.split(event.text, '\n')
  elseif kind == 'ended' then
    return { ('=== %s ==='):format(M.summary(run)) }
  elseif kind == 'service_output' then
    return { stamp(event.service .. '| ' .. event.line) }
  elseif kind == 'service_output_left_out' then
    return { stamp(('%s| … %d lines left out'):format(event.service, event.lines)) }
  elseif kind == 'service_exited' and not event.expected then
    local word = event.allowed and ' ended: ' or ' died: '
    local cause = value(event.cause)
    return { stamp(event.service .. word .. event.status .. (cause and ', ' .. cause or '')) }
  elseif kind == 'step_sent' then
    return { stamp('-> ' .. event.target .. ' ' .. event.summary) }
  elseif kind == 'step_received' then
    return { stamp('<- ' .. (event.error ~= '' and event.error or tostring(event.status))) }
  elseif kind == 'rule_fired' then
    return { stamp(('!! %s: %s -> %s'):format(event.rule, event.operation, event.action)) }
  elseif kind == 'printed' then
    return { stamp(event.text) }
  elseif kind == 'leaf_finished' then
    local lines = { ('--- %s: %s (%s) ---'):format(M.word(event.outcome), event.test, M.duration(event.durationMs)) }
    local failure = value(event.failure)
    if failure then
      vim.list_extend(lines, vim.split('  ' .. failure.message, '\n'))
      for _, note in ipairs(failure.notes) do
        lines[#lines + 1] = '  = ' .. note.text
      end
      for _, help in ipairs(failure.help) do
        lines[#lines + 1] = '  = help: ' .. help
      end
    end
    for _, evidence in ipairs(event.evidence) do
      lines[#lines + 1] = ('  %s   %s   %s'):format(evidence.rule, evidence.action, evidence.summary)
    end
    return lines
  end
  return {}
end

return M
