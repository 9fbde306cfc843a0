-- The language server: starting it for a buffer, asking it, hearing it.
local compat = require('faultbox.compat')
local places = require('faultbox.places')
local session = require('faultbox.session')

local M = {}

local function options()
  return require('faultbox').options
end

--- The program as something that can be started, or nil. A path that starts in the current folder would start whatever
--- lies there, whoever wrote it.
function M.program()
  local path = vim.fn.expand(options().path)
  local is_relative = path:find('/', 1, true) and path:sub(1, 1) ~= '/'
  return not is_relative and vim.fn.executable(path) == 1 and path or nil
end

local function handlers()
  local all = {
    ['faultbox/testEvent'] = function(_, params, context)
      session.receive(params, context.client_id)
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
  return places.buffer(vim.uri_to_fname(uri))
end

function M.refresh_lenses(uri)
  local bufnr = M.buffer_of(uri)
  if bufnr and options().codelens then
    vim.schedule(function()
      local client = M.client()
      if client and vim.api.nvim_buf_is_loaded(bufnr) then
        compat.refresh_lenses(client, bufnr)
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
    on_exit = function(_, _, client_id)
      vim.schedule(function()
        session.server_stopped(client_id)
        for _, bufnr in ipairs(M.buffers()) do
          compat.forget_lenses(client_id, bufnr)
        end
      end)
    end,
  }
end

local function no_program()
  local words = 'faultbox: %q is not a program on $PATH or an absolute path to one; set `path` (:help faultbox-options)'
  return words:format(options().path)
end

--- Starts the server for a spec, or attaches the one that runs: it takes specs of any root.
function M.attach(bufnr)
  if vim.bo[bufnr].buftype ~= '' or vim.api.nvim_buf_get_name(bufnr) == '' then
    return
  end
  require('faultbox.marks').start()
  places.follow(bufnr)
  local path = M.program()
  if not path then
    vim.notify_once(no_program(), vim.log.levels.WARN)
    return
  end
  compat.start(config(path, bufnr), bufnr)
end

--- The client that can be asked, or nil.
function M.client()
  for _, client in ipairs(compat.clients()) do
    if not compat.is_stopping(client) then
      return client
    end
  end
end

local function tell(text)
  vim.notify('faultbox: ' .. text, vim.log.levels.ERROR)
end

--- True when the server can be asked; else the user is told why not.
function M.is_ready()
  if M.client() then
    return true
  end
  if not M.program() then
    vim.notify(no_program(), vim.log.levels.ERROR)
  elseif compat.is_starting() then
    tell('the server is starting; try again in a moment')
  else
    tell('the server is not running; see :checkhealth faultbox')
  end
  return false
end

-- A server that works ends at once; a run that it ends with it may take a moment.
local STOP_MS = 1500

--- Stops the server, and says how that went.
local function stop_all()
  local function are_gone()
    return #compat.living() == 0
  end
  if are_gone() then
    return 'no server was running'
  end
  for _, client in ipairs(compat.living()) do
    compat.stop(client)
  end
  if vim.wait(STOP_MS, are_gone, 20) then
    return 'the server was stopped'
  end
  for _, client in ipairs(compat.living()) do
    compat.kill(client)
  end
  local is_gone = vim.wait(STOP_MS, are_gone, 20)
  return is_gone and 'the server did not answer and was killed' or 'the server does not end'
end

--- Stops the server and starts it again for every spec that is open.
function M.restart()
  if not M.program() then
    return vim.notify(no_program(), vim.log.levels.ERROR)
  end
  local how = stop_all()
  local buffers = M.buffers()
  for _, bufnr in ipairs(buffers) do
    M.attach(bufnr)
  end
  local next_start = #buffers > 0 and 'a new one is starting' or 'a new one starts when a spec is opened'
  vim.notify(('faultbox: %s; %s'):format(how, next_start))
end

--- Asks the server; `done(result)` only when there is one, anything else is told to the user.
function M.ask(method, params, done)
  if not M.is_ready() then
    return
  end
  compat.request(M.client(), method, params, function(err, result)
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
