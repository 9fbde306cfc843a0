-- Outcomes in the text: a sign at each test, what each rule did, expected and actual at the failing line; and the
-- failures in the quickfix list. Extmarks follow edits by themselves.
local client = require('faultbox.client')
local compat = require('faultbox.compat')
local runs = require('faultbox.runs')
local session = require('faultbox.session')

local M = {}

local namespace = vim.api.nvim_create_namespace('faultbox')
--- By test (document and name): the extmarks its newest outcome left, as {bufnr, id, what was put there}.
local marks = {}
local started = false

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

--- Places are absolute when the server started the run; a relative one means the spec.
local function buffer_of(place, uri)
  local is_absolute = place.path:sub(1, 1) == '/'
  return client.buffer_of(is_absolute and vim.uri_from_fname(place.path) or uri)
end

local function put(owner, place, uri, mark)
  local bufnr = buffer_of(place, uri)
  if not bufnr or place.line >= vim.api.nvim_buf_line_count(bufnr) then
    return
  end
  mark.hl_mode = 'combine'
  local id = vim.api.nvim_buf_set_extmark(bufnr, namespace, place.line, 0, mark)
  table.insert(owner, { bufnr, id, mark })
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
    put(owner, leaf.place, run.uri, { sign_text = good and '✓' or '✗', sign_hl_group = highlight, priority = 20 })
  end
  if not options().virtual_text then
    return
  end
  -- A lens says the outcome already.
  if not options().codelens and not leaf.cell then
    local words = good and ('✓ ' .. runs.duration(leaf.duration_ms)) or ('✗ ' .. runs.word(leaf.status))
    put(owner, leaf.place, run.uri, text(words, highlight))
  end
  local place = leaf.failure and leaf.failure.place
  if place and place ~= vim.NIL and not compat.shows_diagnostics() then
    put(owner, place, run.uri, text('✗ ' .. runs.failure_text(leaf.failure), 'FaultboxFail'))
  end
  M.show_rules(owner, run, leaf)
end

--- `fired 1×` behind each rule, or why it never did. One remark per line: the newest test's.
function M.show_rules(owner, run, leaf)
  for _, evidence in ipairs(leaf.evidence) do
    local bufnr = buffer_of(evidence.place, run.uri)
    if bufnr and not compat.shows_inlay_hints(bufnr) then
      M.clear_rule(bufnr, evidence.place.line)
      local fired = evidence.fired > 0
      local words = fired and ('fired %d×'):format(evidence.fired) or evidence.summary
      put(owner, evidence.place, run.uri, text(words, fired and 'FaultboxRule' or 'FaultboxSilent'))
    end
  end
end

function M.clear_rule(bufnr, line)
  local found = vim.api.nvim_buf_get_extmarks(bufnr, namespace, { line, 0 }, { line, -1 }, { details = true })
  for _, mark in ipairs(found) do
    local virtual = mark[4].virt_text
    if virtual and (virtual[1][2] == 'FaultboxRule' or virtual[1][2] == 'FaultboxSilent') then
      vim.api.nvim_buf_del_extmark(bufnr, namespace, mark[1])
    end
  end
end

--- The failures of a run as quickfix entries, each followed by the lines that explain it.
function M.quickfix_items(run)
  local items = {}
  for _, leaf in ipairs(run.leaves) do
    local failure = leaf.failure
    if failure then
      local place = failure.place ~= vim.NIL and failure.place or leaf.place
      local function item(at, kind, words)
        local path = at.path:sub(1, 1) == '/' and at.path or vim.uri_to_fname(run.uri)
        items[#items + 1] = { filename = path, lnum = at.line + 1, col = at.column + 1, type = kind, text = words }
      end
      item(place, 'E', runs.short(leaf.test) .. ': ' .. failure.message)
      for _, note in ipairs(failure.notes) do
        if note.place ~= vim.NIL and note.place then
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
      M.show(run, leaf)
    elseif event.event == 'ended' then
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
