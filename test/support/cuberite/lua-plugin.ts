import { lauxlib, lua, lualib, to_luastring } from 'fengari';

/** What a plug-in does, as far as the stand-in has it. */
export interface LuaHost {
  readonly saveAllChunks: () => void;
  readonly writeFile: (path: string, text: string) => void;
  readonly log: (text: string) => void;
}

export interface LuaPlugin {
  /** A tick of the default world's thread. */
  tick(deltaMs: number, players: readonly string[]): void;
}

/** The part of Cuberite's API that a plug-in of the supervisor's may call, in Lua. */
const API = `
local players, hooks = {}, {}

LOG = function(text) host("log", text, "") end
LOGWARNING = LOG
io = { open = function(path, mode)
    assert(mode == "w")
    local parts = {}
    return {
        write = function(_, ...) for _, part in ipairs({ ... }) do table.insert(parts, tostring(part)) end end,
        close = function() host("write", path, table.concat(parts)) end,
    }
end }

local world = { GetName = function() return "world" end }
local nether = { GetName = function() return "nether" end }
local root = {
    SaveAllChunks = function() host("save", "", "") end,
    GetDefaultWorld = function() return world end,
    ForEachPlayer = function(_, callback)
        for _, name in ipairs(players) do callback({ GetName = function() return name end }) end
    end,
}
cRoot = { Get = function() return root end }
cPluginManager = {
    HOOK_WORLD_TICK = "world tick",
    AddHook = function(_, hook, callback) hooks[hook] = callback end,
}

function lacks(name)
    root[name] = nil
    cPluginManager[name] = nil
end

function start() Initialize({ SetName = function() end, SetVersion = function() end }) end

function tick(deltaMs, names)
    players = {}
    for name in names:gmatch("[^\\n]+") do table.insert(players, name) end
    local onTick = hooks["world tick"]
    if onTick then
        onTick(nether, deltaMs)
        onTick(world, deltaMs)
    end
end
`;

/**
 * Loads a plug-in's program, as it is, and initializes it.
 * @param lacks names of the API that this build does not have
 * @throws the program's error
 */
export function loadLuaPlugin(program: string, host: LuaHost, lacks: readonly string[] = []): LuaPlugin {
  const state = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(state);
  lua.lua_register(state, to_luastring('host'), () => {
    const [kind, first, second] = [1, 2, 3].map(index => lua.lua_tojsstring(state, index)) as [
      string,
      string,
      string,
    ];
    if (kind === 'save') host.saveAllChunks();
    else if (kind === 'write') host.writeFile(first, second);
    else host.log(first);
    return 0;
  });
  const check = (status: number) => {
    if (status !== lua.LUA_OK) throw new Error(lua.lua_tojsstring(state, -1));
  };
  const call = (name: string, ...args: readonly (string | number)[]) => {
    lua.lua_getglobal(state, to_luastring(name));
    for (const arg of args)
      if (typeof arg === 'number') lua.lua_pushnumber(state, arg);
      else lua.lua_pushstring(state, arg);
    check(lua.lua_pcall(state, args.length, 0, 0));
  };
  const run = (text: string) => {
    check(lauxlib.luaL_loadstring(state, to_luastring(text)));
    check(lua.lua_pcall(state, 0, 0, 0));
  };
  run(API);
  for (const name of lacks) call('lacks', name);
  run(program);
  call('start');
  return { tick: (deltaMs, players) => call('tick', deltaMs, players.join('\n')) };
}
