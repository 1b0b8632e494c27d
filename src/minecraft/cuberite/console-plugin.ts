/*
 * Cuberite's own console has `stop`, but neither `say` nor `list`: these come with the Core plug-in, which Craftassist's
 * image does not have. Without Core this plug-in of the supervisor adds both.
 */

export const CONSOLE_PLUGIN = 'session_console';

/** The plug-ins to enable for a console that has `say` and `list`. */
export function withConsole(plugins: readonly string[]): string[] {
  return plugins.includes('Core') ? [...plugins] : [...new Set([...plugins, CONSOLE_PLUGIN])];
}

export const CONSOLE_LUA = `-- Written by the session's supervisor: console commands for people and for its own warnings.

function Initialize(Plugin)
    Plugin:SetName("session_console")
    Plugin:SetVersion(1)

    cPluginManager:BindConsoleCommand("say", Say, " ~ Says something to everybody in the game")
    cPluginManager:BindConsoleCommand("list", List, " ~ Lists who is in the game")

    LOG("Loaded plugin: session_console")
    return true
end

function Say(Split)
    cRoot:Get():BroadcastChat(cChatColor.Gold .. "[SERVER] " .. cChatColor.Yellow .. table.concat(Split, " ", 2))
    return true
end

function List(Split)
    local names = {}
    cRoot:Get():ForEachPlayer(function(player)
        table.insert(names, player:GetName())
        return false
    end)
    return true, "Players (" .. #names .. "): " .. table.concat(names, ", ")
end
`;
