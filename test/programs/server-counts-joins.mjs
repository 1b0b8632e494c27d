#!/usr/bin/env node
// As many players are online as have joined by a connection of their own; each look at their number is logged.
import { playGame } from '../support/game.ts';

let looks = 0;
await playGame({
  online(joined) {
    looks += 1;
    console.log(`look ${looks}: ${joined} online`);
    return joined;
  },
});
