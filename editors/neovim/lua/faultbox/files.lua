-- Reading files whose names are all that is known of them: a link may lead to a device, and a pipe waits for a writer.
local M = {}

-- The server reads no longer ones either.
local MAX_BYTES = 2 * 1024 * 1024

--- The lines of a regular file, at most `limit` of them, or nil.
function M.lines(path, limit)
  local stat = vim.loop.fs_stat(path)
  -- What the kernel shows as files has no size.
  if not stat or stat.type ~= 'file' or stat.size == 0 or stat.size > MAX_BYTES then
    return nil
  end
  local ok, lines = pcall(vim.fn.readfile, path, '', limit or MAX_BYTES)
  return ok and lines or nil
end

return M
