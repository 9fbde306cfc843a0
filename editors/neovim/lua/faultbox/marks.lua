-- Outcomes in the text: a sign at each test, what each rule did, expected and actual at the failing line; and the
-- failures in the quickfix list. Extmarks follow edits by themselves; `places` knows of those during the run.
local client = require('faultbox.client')
local compat = require('faultbox.compat')
local places = require('faultbox.places')
local runs = require('faultbox.runs')
local session = require('faultbox.session')

local M = {}

local namespace = vim.api.nvim_create_namespace('faultbox')
--- By test (document and name): the extmarks its newest outcome left, as {bufnr, id, what was put there}.
local marks = {}
local started = false
-- Counts the tests that ended.
local order = 0

local function options()
  return require('faultbox').options
end

local function highlights()
  local links = {
    FaultboxPass = 'DiagnosticOk',
    FaultboxFail = 'DiagnosticError',
    FaultboxRule = 'Comment',
    FaultboxSilent = 'DiagnosticWarn',
  }
  for name, link in pairs(links) do
    if link == 'DiagnosticOk' and vim.fn.hlexists(link) == 0 then
      link = 'String' -- before 0.9
    end
    vim.api.nvim_set_hl(0, name, { default = true, link = link })
  end
end

local function put_at(owner, path, line, mark)
  local bufnr = places.buffer(path)
  if not bufnr or line >= vim.api.nvim_buf_line_count(bufnr) then
    return
  end
  mark.hl_mode = 'combine'
  local id = vim.api.nvim_buf_set_extmark(bufnr, namespace, line, 0, mark)
  table.insert(owner, { bufnr, id, mark })
end

local function put(owner, place, run, mark)
  local line = places.line(place, run.uri, run.edits)
  if line then
    put_at(owner, places.path(place, run.uri), line, mark)
  end
end

local function clear(key)
  for _, mark in ipairs(marks[key] or {}) do
    if vim.api.nvim_buf_is_valid(mark[1]) then
      vim.api.nvim_buf_del_extmark(mark[1], namespace, mark[2])
    end
  end
  marks[key] = nil
end

local function text(words, highlight)
  return { virt_text = { { '  ' .. words, highlight } }, virt_text_pos = 'eol' }
end

--- Replaces what a test left in the text.
function M.show(run, leaf)
  local key = run.uri .. ' ' .. leaf.test
  clear(key)
  if not runs.has_outcome(leaf) then
    return
  end
  local owner = {}
  marks[key] = owner
  local good = runs.is_good(leaf.status)
  local highlight = good and 'FaultboxPass' or 'FaultboxFail'
  if options().signs and not leaf.cell then
    put(owner, leaf.place, run, { sign_text = good and '✓' or '✗', sign_hl_group = highlight, priority = 20 })
  end
  if not options().virtual_text then
    return
  end
  -- A lens says the outcome already.
  if not options().codelens and not leaf.cell then
    local words = good and ('✓ ' .. runs.duration(leaf.duration_ms)) or ('✗ ' .. runs.word(leaf.status))
    put(owner, leaf.place, run, text(words, highlight))
  end
  local place = leaf.failure and leaf.failure.place
  if place and place ~= vim.NIL and not compat.shows_diagnostics() then
    put(owner, place, run, text('✗ ' .. runs.failure_text(leaf.failure), 'FaultboxFail'))
  end
end

--- Tests of a spec that ended, the newest first.
local function ended_leaves(uri)
  local leaves = vim.tbl_filter(runs.has_outcome, vim.tbl_values(session.latest[uri] or {}))
  table.sort(leaves, function(a, b)
    return (a.ended or 0) > (b.ended or 0)
  end)
  return leaves
end

--- By path and line: how often its rules fired in the newest outcomes of all tests, and what the newest test says.
local function rule_lines(uri)
  local lines = {}
  for _, leaf in ipairs(ended_leaves(uri)) do
    for _, evidence in ipairs(leaf.evidence) do
      local path, line = places.path(evidence.place, uri), places.line(evidence.place, uri, leaf.edits)
      if line then
        local key = ('%d %s'):format(line, path)
        lines[key] = lines[key] or { path = path, line = line, fired = 0, summary = evidence.summary }
        lines[key].fired = lines[key].fired + evidence.fired
      end
    end
  end
  return lines
end

--- `fired 2×` behind each rule, all tests of the spec added up, or why it never did.
function M.show_rules(uri)
  local key = 'rules ' .. uri
  clear(key)
  if not options().virtual_text then
    return
  end
  marks[key] = {}
  for _, rule in pairs(rule_lines(uri)) do
    local bufnr = places.buffer(rule.path)
    if bufnr and not compat.shows_inlay_hints(bufnr) then
      local fired = rule.fired > 0
      local words = fired and ('fired %d×'):format(rule.fired) or rule.summary
      put_at(marks[key], rule.path, rule.line, text(words, fired and 'FaultboxRule' or 'FaultboxSilent'))
    end
  end
end

local pending = {}

--- Shows the rules once per turn of the loop, however many tests ended in it.
local function show_rules_soon(uri)
  if pending[uri] then
    return
  end
  pending[uri] = true
  vim.schedule(function()
    pending[uri] = nil
    M.show_rules(uri)
  end)
end

--- The failures of a run as quickfix entries, each followed by the lines that explain it.
function M.quickfix_items(run)
  local items = {}
  for _, leaf in ipairs(run.leaves) do
    local failure = leaf.failure
    if failure then
      local place = failure.place ~= vim.NIL and failure.place or leaf.place
      place = places.is_recipe(place) and leaf.place or place
      local function item(at, kind, words)
        local path = places.path(at, run.uri)
        local line = places.line(at, run.uri, run.edits) or at.line
        local column = places.column(path, line, at.column)
        items[#items + 1] = { filename = path, lnum = line + 1, col = column + 1, type = kind, text = words }
      end
      item(place, 'E', runs.short(leaf.test) .. ': ' .. failure.message)
      for _, note in ipairs(failure.notes) do
        if note.place ~= vim.NIL and note.place and not places.is_recipe(note.place) then
          item(note.place, 'I', note.text)
        end
      end
    end
  end
  return items
end

local function fill_quickfix(run)
  local mode = options().quickfix
  if not mode then
    return
  end
  local items = M.quickfix_items(run)
  local title = 'Faultbox: ' .. runs.summary(run)
  local current = vim.fn.getqflist({ title = 0 }).title
  -- A green run empties our own list, and leaves anybody else's alone.
  if #items == 0 and not current:find('^Faultbox: ') then
    return
  end
  vim.fn.setqflist({}, current:find('^Faultbox: ') and 'r' or ' ', { title = title, items = items })
  if mode == 'open' and #items > 0 then
    vim.cmd('botright copen | wincmd p')
  end
end

--- Begins to listen; again and again is the same as once.
function M.start()
  if started then
    return
  end
  started = true
  highlights()
  vim.api.nvim_create_autocmd('ColorScheme', { callback = highlights })
  require('faultbox.log').start()
  session.subscribe(function(run, leaf, event)
    if leaf and event.event == 'leaf_finished' then
      order = order + 1
      leaf.ended = order
      M.show(run, leaf)
      show_rules_soon(run.uri)
    elseif event.event == 'ended' then
      show_rules_soon(run.uri)
      fill_quickfix(run)
      local bad = run.totals and (run.totals.failed + run.totals.errors + run.totals.timeouts + run.totals.bypassed) or 1
      local level = bad > 0 and vim.log.levels.WARN or vim.log.levels.INFO
      vim.notify('faultbox: ' .. runs.summary(run), level)
      client.refresh_lenses(run.uri)
    end
  end)
end

--- The marks of a buffer, for tests: {line, sign or nil, text or nil}. Neovim 0.7 does not give signs back itself.
function M.shown(bufnr)
  local shown = {}
  for _, owner in pairs(marks) do
    for _, mark in ipairs(owner) do
      local position = mark[1] == bufnr and vim.api.nvim_buf_get_extmark_by_id(bufnr, namespace, mark[2], {}) or {}
      local put_there = mark[3]
      if position[1] then
        local words = put_there.virt_text and put_there.virt_text[1][1]
        shown[#shown + 1] = { line = position[1], sign = put_there.sign_text, text = words }
      end
    end
  end
  return shown
end

return M
