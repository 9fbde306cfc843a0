-- Results for neotest from the lines that `faultbox test --format jsonl` writes. Pure.
local M = {}

local STATUS = { pass = 'passed', skipped = 'skipped', not_run = 'skipped' }

--- By test: {status, short, errors = {{message, line}}}. Lines count from 0, as neotest wants them.
function M.of_lines(lines, decode)
  local results = {}
  for _, line in ipairs(lines) do
    local ok, event = pcall(decode, line)
    if ok and type(event) == 'table' and event.event == 'leaf_finished' then
      local result = { status = STATUS[event.outcome] or 'failed', short = event.outcome, errors = {} }
      local failure = event.failure
      if type(failure) == 'table' then
        result.short = failure.message
        local place = type(failure.place) == 'table' and failure.place or nil
        -- A line of a file that comes with Faultbox is none of the spec's.
        place = place and place.path:sub(1, 10) ~= '@faultbox/' and place or nil
        result.errors[1] = { message = failure.message, line = place and place.line }
      end
      -- Of several repeats the worst one counts.
      if not results[event.test] or results[event.test].status ~= 'failed' then
        results[event.test] = result
      end
    end
  end
  return results
end

--- The result for a position that stands for all cells of the file's matrices.
function M.of_cells(results)
  local joined
  for test, result in pairs(results) do
    if test:find('^test_matrix_') and (not joined or result.status == 'failed') then
      joined = result
    end
  end
  return joined
end

return M
