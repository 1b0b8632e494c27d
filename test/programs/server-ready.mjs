#!/usr/bin/env node
// A server as it should be.
import { playGame } from '../support/game.ts';

await playGame();
