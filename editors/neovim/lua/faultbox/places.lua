-- Where the places that a run names are now: edits have moved lines since, and their columns count UTF-16 units.
local compat = require('faultbox.compat')
local files = require('faultbox.files')

local M = {}

--- What was edited since a run took its copy of the text, by path. Forgotten with the run and its leaves.
local remembered = setmetatable({}, { __mode = 'k' })
local followed = {}

--- A list that the edits from now on go into.
function M.remember_edits()
  local edits = {}
  remembered[edits] = true
  return edits
end

local function edited(_, bufnr, _, row, column, _, old_rows, _, _, new_rows)
  if old_rows == new_rows then
    return -- no line moved
  end
  local path = vim.api.nvim_buf_get_name(bufnr)
  for edits in pairs(remembered) do
    edits[path] = edits[path] or {}
    table.insert(edits[path], { row = row, column = column, old = old_rows, new = new_rows })
  end
end

--- Notices the edits of a buffer; again and again is the same as once.
function M.follow(bufnr)
  if followed[bufnr] then
    return
  end
  followed[bufnr] = vim.api.nvim_buf_attach(bufnr, false, {
    on_bytes = edited,
    on_reload = function() end, -- stays attached
    on_detach = function()
      followed[bufnr] = nil
    end,
  })
end

--- The new number of a line, or nil when the edit removed it.
function M.moved(line, edit)
  local last = edit.row + edit.old
  if line < edit.row or (line == edit.row and edit.column > 0) then
    return line
  elseif line >= last then
    return line + edit.new - edit.old
  end
  return line - edit.row < edit.new and line or nil
end

--- True for a place in a file that comes with Faultbox, which no buffer holds.
function M.is_recipe(place)
  return place.path:sub(1, 10) == '@faultbox/'
end

--- Places are absolute when the server started the run; a relative one means the spec.
function M.path(place, uri)
  if place.path:sub(1, 1) == '/' or M.is_recipe(place) then
    return place.path
  end
  return vim.uri_to_fname(uri)
end

--- The line of a place, from 0, or nil when it is gone.
function M.line(place, uri, edits)
  local line = place.line
  for _, edit in ipairs(edits and edits[M.path(place, uri)] or {}) do
    line = M.moved(line, edit)
    if not line then
      return nil
    end
  end
  return line
end

--- The loaded buffer of a file, or nil. `bufnr()` would take the name for a pattern.
function M.buffer(path)
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.api.nvim_buf_get_name(bufnr) == path then
      return bufnr
    end
  end
end

local function text_of(path, line)
  local bufnr = M.buffer(path)
  if bufnr then
    return vim.api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1]
  end
  local lines = files.lines(path, line + 1)
  return lines and lines[line + 1]
end

--- A column of a file in bytes, from 0.
function M.column(path, line, units, encoding)
  local text = text_of(path, line)
  return text and compat.byte_column(text, units, encoding) or units
end

return M
