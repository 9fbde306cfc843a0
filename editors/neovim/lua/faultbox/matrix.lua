-- The matrix in a buffer: scenarios by faults, live. <CR> runs the cell under the cursor, gd leads to its rule.
local client = require('faultbox.client')
local panel = require('faultbox.panel')
local places = require('faultbox.places')
local runs = require('faultbox.runs')
local session = require('faultbox.session')

local M = {}

local namespace = vim.api.nvim_create_namespace('faultbox_matrix')
local state = { bufnr = nil, uri = nil, matrices = {}, cells = {} }

local function given(json)
  if json == vim.NIL then
    return nil
  end
  return json
end

--- What a cell says, and its highlight.
local function cell_text(cell, latest)
  local test = given(cell.test)
  if not test then
    return '—', 'Comment'
  end
  local leaf = latest[test]
  if leaf and not runs.has_outcome(leaf) then
    return leaf.phase ~= '' and leaf.phase or leaf.status, 'DiagnosticInfo'
  end
  local result = given(cell.result)
  local outcome = leaf and leaf.status or (result and result.outcome)
  if not outcome or outcome == 'not_run' then
    return '·', 'Comment'
  end
  local silent = leaf and leaf.not_fired
  if not leaf then
    silent = result and given(result.fired) == false
  end
  local ms = leaf and leaf.duration_ms or given(result.durationMs)
  local tail = silent and outcome == 'pass' and ' · not fired' or (ms and (' (%s)'):format(runs.duration(ms)) or '')
  return runs.word(outcome) .. tail, runs.is_good(outcome) and 'FaultboxPass' or 'FaultboxFail'
end

local function padded(text, width)
  return text .. (' '):rep(width - vim.fn.strdisplaywidth(text))
end

--- The lines of one matrix, and where its cells are: {line, from, to (bytes), cell, highlight}, lines from 0.
function M.render(matrix, latest, first)
  local texts, widths = {}, { 0 }
  for row, scenario in ipairs(matrix.scenarios) do
    widths[1] = math.max(widths[1], vim.fn.strdisplaywidth(scenario))
    texts[row] = {}
  end
  for column, fault in ipairs(matrix.faults) do
    widths[column + 1] = vim.fn.strdisplaywidth(fault)
  end
  for _, cell in ipairs(matrix.cells) do
    local text, highlight = cell_text(cell, latest)
    texts[cell.row + 1][cell.column + 1] = { text, highlight, cell }
    widths[cell.column + 2] = math.max(widths[cell.column + 2], vim.fn.strdisplaywidth(text))
  end
  local head, rule = { padded('', widths[1]) }, { ('─'):rep(widths[1] + 1) }
  for column, fault in ipairs(matrix.faults) do
    head[#head + 1] = padded(fault, widths[column + 1])
    rule[#rule + 1] = ('─'):rep(widths[column + 1] + 2)
  end
  local lines, cells = { table.concat(head, ' │ '), table.concat(rule, '┼') }, {}
  for row, scenario in ipairs(matrix.scenarios) do
    local line = padded(scenario, widths[1])
    for column in ipairs(matrix.faults) do
      local text, highlight, cell = unpack(texts[row][column] or { '', 'Comment', { test = vim.NIL } })
      local from = #line + #' │ '
      line = line .. ' │ ' .. padded(text, widths[column + 1])
      cells[#cells + 1] = {
        line = first + #lines,
        from = from,
        to = #line,
        cell = cell,
        highlight = highlight,
        fault = given(matrix.faultRanges[column]),
      }
    end
    lines[#lines + 1] = line
  end
  return lines, cells
end

local function draw()
  if not (state.bufnr and vim.api.nvim_buf_is_loaded(state.bufnr)) then
    return
  end
  local lines, cells = { vim.fn.fnamemodify(vim.uri_to_fname(state.uri), ':~:.'), '' }, {}
  for _, matrix in ipairs(state.matrices) do
    local more, found = M.render(matrix, session.latest[state.uri] or {}, #lines)
    vim.list_extend(lines, more)
    vim.list_extend(cells, found)
    lines[#lines + 1] = ''
  end
  if #state.matrices == 0 then
    lines[#lines + 1] = 'This spec has no fault_matrix(...).'
  end
  lines[#lines + 1] = '<CR> run cell   R run all   gd go to rule   gf go to failure   c cancel   q close'
  state.cells = cells
  vim.bo[state.bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(state.bufnr, 0, -1, false, lines)
  vim.bo[state.bufnr].modifiable = false
  vim.api.nvim_buf_clear_namespace(state.bufnr, namespace, 0, -1)
  for _, cell in ipairs(cells) do
    vim.api.nvim_buf_set_extmark(state.bufnr, namespace, cell.line, cell.from, { end_col = cell.to, hl_group = cell.highlight })
  end
end

local function under_cursor()
  local line, column = unpack(vim.api.nvim_win_get_cursor(0))
  for _, cell in ipairs(state.cells) do
    if cell.line == line - 1 and cell.from <= column and column <= cell.to then
      return cell
    end
  end
end

--- Goes to a window for text: one that shows the buffer, else the previous one, else any, else a new one.
local function enter_window(bufnr)
  local previous = vim.fn.winnr('#')
  local windows = previous > 0 and { vim.fn.win_getid(previous) } or {}
  vim.list_extend(windows, vim.api.nvim_tabpage_list_wins(0))
  local chosen
  for _, window in ipairs(windows) do
    local shown = vim.api.nvim_win_get_buf(window)
    if shown == bufnr then
      return vim.api.nvim_set_current_win(window)
    end
    chosen = chosen or (vim.bo[shown].buftype == '' and window) or nil
  end
  if chosen then
    vim.api.nvim_set_current_win(chosen)
  else
    vim.cmd('aboveleft split')
    vim.wo.wrap = vim.go.wrap
  end
end

local function jump(path, line, units, encoding)
  -- Not by `:edit`, which would read the file again over what is not saved.
  local bufnr = places.buffer(path) or vim.fn.bufadd(path)
  enter_window(bufnr)
  if vim.api.nvim_get_current_buf() ~= bufnr then
    vim.cmd("normal! m'")
    if vim.bo.modified and not vim.o.hidden and vim.bo.bufhidden == '' then
      vim.cmd('split')
    end
    vim.bo[bufnr].buflisted = true
    vim.api.nvim_win_set_buf(0, bufnr)
  end
  line = math.min(line, vim.api.nvim_buf_line_count(bufnr) - 1)
  vim.api.nvim_win_set_cursor(0, { line + 1, places.column(path, line, units, encoding) })
end

local function jump_to(place, leaf)
  local line = places.line(place, state.uri, leaf.edits) or place.line
  jump(places.path(place, state.uri), line, place.column)
end

function M.run_cell()
  local found = under_cursor()
  local test = found and given(found.cell.test)
  if test then
    client.run({ uri = state.uri, tests = { test } })
  end
end

function M.run_all()
  local tests = {}
  for _, cell in ipairs(state.cells) do
    tests[#tests + 1] = given(cell.cell.test)
  end
  if #tests > 0 then
    client.run({ uri = state.uri, tests = tests })
  end
end

--- The rule that never fired, else the first rule, else the line of the fault.
function M.to_rule()
  local found = under_cursor()
  if not found then
    return
  end
  local leaf = (session.latest[state.uri] or {})[found.cell.test]
  local chosen
  for _, evidence in ipairs(leaf and leaf.evidence or {}) do
    if not chosen or (evidence.fired == 0 and chosen.fired > 0) then
      chosen = evidence
    end
  end
  if chosen then
    jump_to(chosen.place, leaf)
  elseif found.fault then
    local start = found.fault.range.start
    local asked = client.client()
    jump(vim.uri_to_fname(found.fault.uri), start.line, start.character, asked and asked.offset_encoding)
  end
end

function M.to_failure()
  local found = under_cursor()
  local leaf = found and (session.latest[state.uri] or {})[found.cell.test]
  local place = leaf and leaf.failure and given(leaf.failure.place)
  if place then
    jump_to(place, leaf)
  end
end

local function refresh()
  client.ask('faultbox/matrix', { textDocument = { uri = state.uri } }, function(result)
    state.matrices = result.matrices
    draw()
  end)
end

local listening = false

local function keys()
  local cancel = '<Cmd>Faultbox cancel<CR>'
  return { ['<CR>'] = M.run_cell, R = M.run_all, gd = M.to_rule, gf = M.to_failure, c = cancel }
end

--- Opens the matrix of a spec.
function M.open(uri)
  state.uri = uri
  state.bufnr = panel.buffer(state.bufnr, 'faultbox://matrix', keys())
  panel.open(state.bufnr)
  vim.wo.wrap = false
  if not listening then
    listening = true
    session.subscribe(function(run, _, event)
      if run.uri == state.uri then
        -- One drawing per turn of the loop, however many events it brought.
        if not state.pending then
          state.pending = true
          vim.schedule(function()
            state.pending = false
            draw()
          end)
        end
      end
    end)
    -- What the text does not show comes with the evaluation, and edits change the rest.
    session.subscribe_tests(function(changed)
      if changed == state.uri and vim.fn.bufwinid(state.bufnr) >= 0 then
        refresh()
      end
    end)
  end
  refresh()
end

return M
