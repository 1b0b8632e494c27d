/*
 * Cuberite saves its world every five minutes, and its network thread answers status pings while its world hangs. This
 * plug-in of the supervisor saves while somebody is in the game, and tells once a second that the world's thread runs:
 * see beat.ts. What it calls is in Cuberite since 2015 (src/Root.h, src/Bindings/ManualBindings.cpp); a build that lacks
 * something of it goes without that, and says so.
 */

export const WORLD_PLUGIN = 'session_world';

export interface WorldPluginOptions {
  /** undefined: the plug-in does not save. */
  readonly saveIntervalMs: number | undefined;
  /** Absolute path of the file that it writes its beats to; undefined: it writes none. */
  readonly beatFile: string | undefined;
}

/** The plug-in's program, for Lua 5.1. */
export function worldLua({ saveIntervalMs, beatFile }: WorldPluginOptions): string {
  // JSON's strings without control characters are Lua's.
  const file = beatFile === undefined ? 'nil' : JSON.stringify(beatFile);
  return `-- Written by the session's supervisor: saves the world while somebody is in the game, and tells each second that the
-- world's thread runs, how fast, and who is in the game.

local SAVE_EVERY_MS = ${saveIntervalMs ?? 'nil'}
local BEAT_FILE = ${file}

${PROGRAM}`;
}

const PROGRAM = `local BEAT_MS = 1000

local beats, ticks, slowestMs, sinceBeatMs, sinceSaveMs = 0, 0, 0, 0, 0
local isToSave = false
local missing = {}

-- What this build of Cuberite does not have is found out once, told, and left out.
local function try(what, call)
    if missing[what] then return nil end
    local isDone, result = pcall(call)
    if isDone then return result end
    missing[what] = true
    LOGWARNING("session_world goes without " .. what .. ": " .. tostring(result))
    return nil
end

local function isDefaultWorld(World)
    local name = try("GetDefaultWorld", function() return cRoot:Get():GetDefaultWorld():GetName() end)
    return name == nil or name == World:GetName()
end

local function playerNames()
    return try("ForEachPlayer", function()
        local names = {}
        cRoot:Get():ForEachPlayer(function(player)
            table.insert(names, (player:GetName():gsub("[%s%c]", "_")))
            return false
        end)
        return names
    end)
end

-- One line in a file, not a pipe: that would hold up the world when nobody reads it.
local function writeBeat(names)
    local file = BEAT_FILE and io.open(BEAT_FILE, "w")
    if not file then return end
    local lacking = {}
    for what in pairs(missing) do table.insert(lacking, what) end
    local numbers = beats .. " " .. ticks .. " " .. slowestMs
    file:write(numbers, "\\t", table.concat(lacking, " "), "\\t", table.concat(names or {}, " "), "\\n")
    file:close()
end

local function save()
    isToSave, sinceSaveMs = false, 0
    try("SaveAllChunks", function() cRoot:Get():SaveAllChunks() end)
end

function Initialize(Plugin)
    Plugin:SetName("session_world")
    Plugin:SetVersion(1)
    try("HOOK_WORLD_TICK", function() cPluginManager:AddHook(assert(cPluginManager.HOOK_WORLD_TICK), OnWorldTick) end)
    LOG("Loaded plugin: session_world")
    return true
end

function OnWorldTick(World, TimeDelta)
    if not isDefaultWorld(World) then return false end
    ticks, slowestMs = ticks + 1, math.max(slowestMs, TimeDelta)
    sinceBeatMs, sinceSaveMs = sinceBeatMs + TimeDelta, sinceSaveMs + TimeDelta
    if sinceBeatMs >= BEAT_MS then
        local names = playerNames()
        isToSave = isToSave or names == nil or #names > 0
        beats = beats + 1
        writeBeat(names)
        ticks, slowestMs, sinceBeatMs = 0, 0, 0
    end
    if SAVE_EVERY_MS and isToSave and sinceSaveMs >= SAVE_EVERY_MS then save() end
    return false
end
`;
