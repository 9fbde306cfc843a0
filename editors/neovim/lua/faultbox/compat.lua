-- The places where Neovim 0.7 to 0.12 differ.
local M = {}

local function has(version)
  return vim.fn.has('nvim-' .. version) == 1
end

--- All running clients of this plugin.
function M.clients()
  local all = vim.lsp.get_clients and vim.lsp.get_clients() or vim.lsp.get_active_clients()
  return vim.tbl_filter(function(client)
    return client.name == 'faultbox'
  end, all)
end

function M.request(client, method, params, handler, bufnr)
  if has('0.11') then
    return client:request(method, params, handler, bufnr)
  end
  return client.request(method, params, handler, bufnr)
end

function M.notify(client, method, params)
  if has('0.11') then
    return client:notify(method, params)
  end
  return client.notify(method, params)
end

-- Clients that were told to stop; a request would only get an error.
local stopping = {}

function M.is_stopping(client)
  return stopping[client.id] == true
end

function M.stop(client)
  stopping[client.id] = true
  if has('0.11') then
    client:stop()
  else
    client.stop()
  end
end

-- Before `vim.lsp.start` (0.8) a plugin finds the client of a root itself.
local started = {}

--- Starts or reuses the client for a root, and attaches it to the buffer.
function M.start(config, bufnr)
  if vim.lsp.start then
    return vim.lsp.start(config, { bufnr = bufnr })
  end
  local id = started[config.root_dir]
  if not id or not vim.lsp.get_client_by_id(id) then
    id = vim.lsp.start_client(config)
    started[config.root_dir] = id
  end
  if id then
    vim.lsp.buf_attach_client(bufnr, id)
  end
  return id
end

--- Asks for the lenses of a buffer again.
function M.refresh_lenses(bufnr)
  if vim.lsp.codelens.enable then
    -- 0.12 keeps enabled buffers fresh by itself, and listens to the server.
    if not vim.lsp.codelens.is_enabled({ bufnr = bufnr }) then
      vim.lsp.codelens.enable(true, { bufnr = bufnr })
    end
  elseif has('0.10') then
    vim.lsp.codelens.refresh({ bufnr = bufnr })
  elseif vim.api.nvim_get_current_buf() == bufnr then
    vim.lsp.codelens.refresh()
  end
end

--- True when Neovim itself shows the server's `fired 2x` hints in the buffer.
function M.shows_inlay_hints(bufnr)
  if not (vim.lsp.inlay_hint and vim.lsp.inlay_hint.is_enabled) then
    return false
  end
  local ok, enabled = pcall(vim.lsp.inlay_hint.is_enabled, { bufnr = bufnr })
  return ok and enabled == true
end

--- True when Neovim itself writes diagnostics behind their lines.
function M.shows_diagnostics()
  local config = vim.diagnostic.config()
  return (config.virtual_text and true or false) or (config.virtual_lines and true or false)
end

--- Start of the path upward that has one of the names, or nil.
function M.root(path)
  local folder = vim.fn.fnamemodify(path, ':p:h')
  local git = vim.fn.finddir('.git', vim.fn.escape(folder, ' \\') .. ';')
  if git == '' then
    git = vim.fn.findfile('.git', vim.fn.escape(folder, ' \\') .. ';')
  end
  return git ~= '' and vim.fn.fnamemodify(git, ':p:h'):gsub('/%.git$', '') or folder
end

return M
