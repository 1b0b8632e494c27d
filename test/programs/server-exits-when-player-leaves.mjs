#!/usr/bin/env node
// Exits with 0, its world unsaved, when its console takes the last player away.
import { playGame } from '../support/game.ts';

await playGame({
  onEmpty: () => {
    console.log('Player left! Exiting now.');
    process.exit(0);
  },
});
