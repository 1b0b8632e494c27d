#!/usr/bin/env node
// Deaf to SIGTERM and to its console.
import { playGame } from '../support/game.ts';

await playGame({ obeys: false });
