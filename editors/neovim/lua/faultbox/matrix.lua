-- The matrix in a buffer: scenarios by faults, live. <CR> runs the cell under the cursor, gd leads to its rule.
local client = require('faultbox.client')
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
  local silent = leaf and #leaf.evidence > 0 or (result and given(result.fired) == false)
  for _, evidence in ipairs(leaf and leaf.evidence or {}) do
    silent = silent and evidence.fired == 0
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
  if not (state.bufnr and vim.api.nvim_buf_is_valid(state.bufnr)) then
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

local function jump(path, line, column)
  vim.cmd('wincmd p')
  vim.cmd('edit ' .. vim.fn.fnameescape(path))
  vim.api.nvim_win_set_cursor(0, { line + 1, column })
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
    jump(chosen.place.path, chosen.place.line, chosen.place.column)
  elseif found.fault then
    jump(vim.uri_to_fname(found.fault.uri), found.fault.range.start.line, found.fault.range.start.character)
  end
end

function M.to_failure()
  local found = under_cursor()
  local leaf = found and (session.latest[state.uri] or {})[found.cell.test]
  local place = leaf and leaf.failure and given(leaf.failure.place)
  if place then
    jump(place.path, place.line, place.column)
  end
end

local function refresh()
  client.ask('faultbox/matrix', { textDocument = { uri = state.uri } }, function(result)
    state.matrices = result.matrices
    draw()
  end)
end

local listening = false

local function open_window()
  if not (state.bufnr and vim.api.nvim_buf_is_valid(state.bufnr)) then
    state.bufnr = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(state.bufnr, 'faultbox://matrix')
    vim.bo[state.bufnr].bufhidden = 'hide'
    local keys = { ['<CR>'] = 'run_cell', R = 'run_all', gd = 'to_rule', gf = 'to_failure' }
    for key, action in pairs(keys) do
      vim.api.nvim_buf_set_keymap(state.bufnr, 'n', key, '', { noremap = true, silent = true, callback = M[action] })
    end
    local quiet = { noremap = true, silent = true }
    vim.api.nvim_buf_set_keymap(state.bufnr, 'n', 'c', '<Cmd>Faultbox cancel<CR>', quiet)
    vim.api.nvim_buf_set_keymap(state.bufnr, 'n', 'q', '<Cmd>close<CR>', quiet)
  end
  if vim.fn.bufwinid(state.bufnr) >= 0 then
    vim.fn.win_gotoid(vim.fn.bufwinid(state.bufnr))
  else
    vim.cmd('botright 12split')
    vim.api.nvim_win_set_buf(0, state.bufnr)
    vim.wo.wrap = false
  end
end

--- Opens the matrix of a spec.
function M.open(uri)
  state.uri = uri
  open_window()
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
