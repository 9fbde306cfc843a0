-- The language server: starting it for a buffer, asking it, hearing it.
local compat = require('faultbox.compat')
local session = require('faultbox.session')

local M = {}

local function options()
  return require('faultbox').options
end

--- The program as something that can be started, or nil.
function M.program()
  local path = vim.fn.expand(options().path)
  return vim.fn.executable(path) == 1 and path or nil
end

local function handlers()
  local all = {
    ['faultbox/testEvent'] = function(_, params)
      session.receive(params)
    end,
    ['faultbox/testsChanged'] = function(_, params)
      session.receive_tests(params)
      M.refresh_lenses(params.uri)
    end,
    ['faultbox/resultsChanged'] = function(_, params)
      M.refresh_lenses(params.uri)
    end,
    ['faultbox/status'] = function(_, params)
      session.status = params
    end,
  }
  -- 0.12 has a handler of its own, and lenses that only it refreshes.
  if not vim.lsp.codelens.on_refresh then
    all['workspace/codeLens/refresh'] = function()
      for _, bufnr in ipairs(M.buffers()) do
        M.refresh_lenses(vim.uri_from_bufnr(bufnr))
      end
      return vim.NIL
    end
  end
  return all
end

--- Loaded buffers that hold specs.
function M.buffers()
  return vim.tbl_filter(function(bufnr)
    return vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype == 'faultbox'
  end, vim.api.nvim_list_bufs())
end

--- The loaded buffer of a document, or nil.
function M.buffer_of(uri)
  local bufnr = vim.fn.bufnr(vim.uri_to_fname(uri))
  return bufnr >= 0 and vim.api.nvim_buf_is_loaded(bufnr) and bufnr or nil
end

function M.refresh_lenses(uri)
  local bufnr = M.buffer_of(uri)
  if bufnr and options().codelens then
    vim.schedule(function()
      local client = M.client()
      if client and not compat.is_stopping(client) and vim.api.nvim_buf_is_loaded(bufnr) then
        compat.refresh_lenses(bufnr)
      end
    end)
  end
end

local function config(path, bufnr)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  return {
    name = 'faultbox',
    cmd = { path, 'lsp' },
    root_dir = compat.root(vim.api.nvim_buf_get_name(bufnr)),
    capabilities = vim.tbl_deep_extend('force', capabilities, options().capabilities or {}),
    init_options = {
      testEvents = true,
      trusted = options().trusted,
      codeLens = options().codelens and 'always' or 'never',
    },
    handlers = handlers(),
    on_attach = function(client, attached)
      if options().codelens then
        vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged' }, {
          buffer = attached,
          group = vim.api.nvim_create_augroup('faultbox_lenses_' .. attached, {}),
          callback = function()
            M.refresh_lenses(vim.uri_from_bufnr(attached))
          end,
        })
        M.refresh_lenses(vim.uri_from_bufnr(attached))
      end
      if options().on_attach then
        options().on_attach(client, attached)
      end
    end,
    on_exit = function()
      vim.schedule(session.server_stopped)
    end,
  }
end

--- Starts the server for a spec, or attaches the one that runs.
function M.attach(bufnr)
  if vim.bo[bufnr].buftype ~= '' or vim.api.nvim_buf_get_name(bufnr) == '' then
    return
  end
  require('faultbox.marks').start()
  local path = M.program()
  if not path then
    local text = ('faultbox: %q is not a program; set `path` (:help faultbox-options)'):format(options().path)
    vim.notify_once(text, vim.log.levels.WARN)
    return
  end
  compat.start(config(path, bufnr), bufnr)
end

function M.client()
  return compat.clients()[1]
end

--- Stops the server and starts it again for every spec that is open.
function M.restart()
  local clients = compat.clients()
  for _, client in ipairs(clients) do
    compat.stop(client)
  end
  vim.wait(3000, function()
    return #compat.clients() == 0
  end, 20)
  for _, bufnr in ipairs(M.buffers()) do
    M.attach(bufnr)
  end
end

local function tell(text)
  vim.notify('faultbox: ' .. text, vim.log.levels.ERROR)
end

--- Asks the server; `done(result)` only when there is one, anything else is told to the user.
function M.ask(method, params, done)
  local client = M.client()
  if not client then
    tell('the server is not running; see :checkhealth faultbox')
    return
  end
  compat.request(client, method, params, function(err, result)
    if err then
      tell(err.message or vim.inspect(err))
    elseif done then
      done(result)
    end
  end)
end

--- Performs a command of the server.
function M.command(name, argument, done)
  -- An empty Lua table would go out as a list.
  local one = next(argument) and argument or vim.empty_dict()
  M.ask('workspace/executeCommand', { command = name, arguments = { one } }, done)
end

function M.run(arguments)
  M.command('faultbox.run', arguments)
end

return M
