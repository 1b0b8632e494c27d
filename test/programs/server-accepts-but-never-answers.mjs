#!/usr/bin/env node
// Takes every connection and never says a word.
import { playGame } from '../support/game.ts';

await playGame({ answers: false });
