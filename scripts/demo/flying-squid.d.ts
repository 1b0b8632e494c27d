// flying-squid brings no types: these are the parts of it that the demo uses.
declare module 'flying-squid' {
  import type { EventEmitter } from 'node:events';

  /** Of https://github.com/PrismarineJS/prismarine-world. */
  export interface World {
    getColumns(): readonly { readonly chunkX: string; readonly chunkZ: string }[];
    /** Marks a column as changed. */
    queueSaving(chunkX: number, chunkZ: number): void;
    stopSaving(): void;
    /** Resolves when every column that was marked is saved. */
    waitSaving(): Promise<void>;
  }

  export interface Player {
    readonly username: string;
    save: () => Promise<void>;
    /** Resolves when the player has looked around, or stood still, for the first time. */
    waitPlayerLogin: () => Promise<void>;
  }

  export interface Squid extends EventEmitter<{ ready: []; error: [Error]; newPlayer: [Player] }> {
    /** Where every line of its log goes. */
    log: (line: string) => void;
    /** There once the server is ready. */
    readonly overworld?: World;
    readonly players: readonly Player[];
    handleCommand(line: string): Promise<void>;
    /** Disconnects every player and closes the port. */
    quit(reason: string): Promise<void>;
  }

  interface Options {
    readonly host?: string;
    readonly port: number;
    readonly version: string;
    readonly 'online-mode': boolean;
    readonly motd: string;
    readonly 'max-players': number;
    readonly 'max-entities': number;
    readonly 'view-distance': number;
    readonly 'player-list-text': { readonly header: { text: string }; readonly footer: { text: string } };
    readonly 'everybody-op': boolean;
    readonly gameMode: 0 | 1;
    readonly difficulty: number;
    readonly worldFolder: string;
    readonly generation: { readonly name: string; readonly options: object };
    readonly kickTimeout: number;
    readonly plugins: object;
    readonly modpe: boolean;
    readonly logging: boolean;
    readonly debug: (...words: unknown[]) => void;
  }

  const flyingSquid: { createMCServer(options: Options): Squid };
  export default flyingSquid;
}
