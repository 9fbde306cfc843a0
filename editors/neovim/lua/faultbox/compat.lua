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

-- Clients that were told to stop; a request would only get an error, or no answer at all.
local stopping = {}

function M.is_stopping(client)
  if stopping[client.id] then
    return true
  end
  if has('0.11') then
    return client:is_stopped()
  end
  return client.is_stopped()
end

function M.stop(client)
  stopping[client.id] = true
  if has('0.11') then
    client:stop()
  else
    client.stop()
  end
end

local function children()
  return vim.api.nvim_get_proc_children(vim.fn.getpid())
end

--- The process of each client: Neovim itself tells it in 0.7 only.
local processes = {}

function M.process(client_id)
  return processes[client_id]
end

--- Ends a client that does not answer.
function M.kill(client)
  stopping[client.id] = true
  if has('0.11') then
    client:stop(true)
  else
    client.stop(true)
  end
  -- That was a SIGTERM, for which a process that is stopped has no ear.
  local pid = processes[client.id]
  if pid and vim.tbl_contains(children(), pid) then
    vim.loop.kill(pid, 'sigkill')
  end
end

--- The newest client.
local started

--- The client that runs or is just starting, or nil.
local function started_client()
  local client = started and vim.lsp.get_client_by_id(started)
  return client and not M.is_stopping(client) and client or nil
end

--- True while the server has not answered for the first time.
function M.is_starting()
  return started_client() ~= nil
end

--- All clients that have a process, also one that never answered.
function M.living()
  local living = M.clients()
  local client = started and vim.lsp.get_client_by_id(started)
  local is_listed = #vim.tbl_filter(function(each)
    return each.id == started
  end, living) > 0
  if client and not is_listed then
    living[#living + 1] = client
  end
  return living
end

local function start(config, bufnr)
  if vim.lsp.start then
    local never = function()
      return false
    end
    return vim.lsp.start(config, { bufnr = bufnr, reuse_client = never })
  end
  return vim.lsp.start_client(config) -- before 0.8
end

--- Attaches the one client to the buffer, whatever its root; starts it when there is none.
function M.start(config, bufnr)
  if not started_client() then
    local before = children()
    started = start(config, bufnr)
    for _, pid in ipairs(started and children() or {}) do
      if not vim.tbl_contains(before, pid) then
        processes[started] = pid
      end
    end
  end
  if started and not vim.lsp.buf_is_attached(bufnr, started) then
    vim.lsp.buf_attach_client(bufnr, started)
  end
end

--- By client and buffer: 'once' while lenses are asked for, 'again' when they changed meanwhile.
local asked = {}

-- Neovim's own `refresh` drops what is asked for while an answer is out, and everything after a server was killed.
local function ask_for_lenses(client, bufnr)
  local key = ('%d:%d'):format(client.id, bufnr)
  if asked[key] then
    asked[key] = 'again'
    return
  end
  asked[key] = 'once'
  local params = { textDocument = vim.lsp.util.make_text_document_params(bufnr) }
  local is_sent = M.request(client, 'textDocument/codeLens', params, function(err, result, context)
    local has_changed = asked[key] == 'again'
    asked[key] = nil
    if not vim.api.nvim_buf_is_loaded(bufnr) then
      return
    end
    vim.lsp.codelens.on_codelens(err, result, context)
    if has_changed then
      ask_for_lenses(client, bufnr)
    end
  end, bufnr)
  if not is_sent then
    asked[key] = nil
  end
end

--- Removes the lenses of a client that is gone; only 0.12 does it by itself.
function M.forget_lenses(client_id, bufnr)
  if vim.lsp.codelens.enable then
    return
  elseif vim.lsp.codelens.clear then
    return vim.lsp.codelens.clear(client_id, bufnr)
  end
  vim.lsp.codelens.save({}, bufnr, client_id)
  local namespace = vim.api.nvim_create_namespace('vim_lsp_codelens:' .. client_id)
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
end

--- Asks for the lenses of a buffer again.
function M.refresh_lenses(client, bufnr)
  if vim.lsp.codelens.enable then
    -- 0.12 keeps enabled buffers fresh by itself, and listens to the server.
    if not vim.lsp.codelens.is_enabled({ bufnr = bufnr }) then
      vim.lsp.codelens.enable(true, { bufnr = bufnr })
    end
  else
    ask_for_lenses(client, bufnr)
  end
end

--- The column in bytes of one that counts UTF-16 units, or whatever `encoding` says; past the end is the end.
function M.byte_column(line, units, encoding)
  if encoding == 'utf-8' then
    return math.min(units, #line)
  end
  if has('0.11') then
    return vim.str_byteindex(line, encoding or 'utf-16', units, false)
  end
  local ok, column = pcall(vim.str_byteindex, line, units, true)
  return ok and column or #line
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
