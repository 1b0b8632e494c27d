/** Blocks of this type, from this height on, are the builder's; nothing else is up there. */
export const BUILT_BLOCK = 1;
export const BUILT_FROM_Y = 112;
/** It builds in these chunks of the region 0, 0, layer after layer: CHUNKS times CHUNKS of them. */
const CHUNKS = 3;
export const SIDE = 16 * CHUNKS;

/**
 * A plug-in for the real server, in Lua 5.1: whoever is in the game builds. A block counts as placed, and is written
 * down, once the world has it: a chunk that is not loaded takes none.
 * @param placedFile absolute path of the file that gets a line for each block
 */
export function builderLua(placedFile: string, blockEveryMs: number): string {
  return `
local FILE = assert(io.open(${JSON.stringify(placedFile)}, "a"))
local number, dueMs, second, nowMs = 0, 0, 0, nil

function Initialize(Plugin)
    Plugin:SetName("builder")
    Plugin:SetVersion(1)
    cPluginManager:AddHook(cPluginManager.HOOK_WORLD_TICK, OnWorldTick)
    return true
end

-- Lua knows whole seconds: the milliseconds between them are those that ticks take.
local function tellTime(TimeDelta)
    local isNew = os.time() ~= second
    second = os.time()
    if isNew then nowMs = second * 1000 elseif nowMs then nowMs = nowMs + TimeDelta end
end

local function place(World)
    local x = number % ${SIDE}
    local z = math.floor(number / ${SIDE}) % ${SIDE}
    local y = ${BUILT_FROM_Y} + math.floor(number / ${SIDE * SIDE})
    local spot = Vector3i(x, y, z)
    World:SetBlock(spot, ${BUILT_BLOCK}, 0)
    if World:GetBlock(spot) ~= ${BUILT_BLOCK} then return false end
    FILE:write(number, " ", nowMs, "\\n")
    number = number + 1
    return true
end

function OnWorldTick(World, TimeDelta)
    if World:GetName() ~= cRoot:Get():GetDefaultWorld():GetName() then return false end
    tellTime(TimeDelta)
    local isAnybody = false
    World:ForEachPlayer(function() isAnybody = true end)
    if not isAnybody then return false end
    dueMs = dueMs + TimeDelta
    while dueMs >= ${blockEveryMs} and place(World) do dueMs = dueMs - ${blockEveryMs} end
    FILE:flush()
    return false
end
`;
}
