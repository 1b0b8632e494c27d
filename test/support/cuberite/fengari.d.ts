/** The part of fengari, a virtual machine for Lua in JavaScript, that the tests use; it has no types of its own. */
declare module 'fengari' {
  interface LuaState {
    readonly id: symbol;
  }
  type LuaString = Uint8Array;
  export const to_luastring: (text: string) => LuaString;
  export const lua: {
    readonly LUA_OK: number;
    lua_getglobal(state: LuaState, name: LuaString): void;
    lua_pcall(state: LuaState, args: number, results: number, handler: number): number;
    lua_pushnumber(state: LuaState, value: number): void;
    lua_pushstring(state: LuaState, value: string): void;
    lua_register(state: LuaState, name: LuaString, call: (state: LuaState) => number): void;
    lua_tojsstring(state: LuaState, index: number): string;
  };
  export const lauxlib: {
    luaL_newstate(): LuaState;
    luaL_loadstring(state: LuaState, program: LuaString): number;
  };
  export const lualib: { luaL_openlibs(state: LuaState): void };
}
