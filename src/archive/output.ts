/** Guesses how much room the output of a block needs. */
export interface OutputGuess {
  guess(block: Buffer): number;
  learn(block: Buffer, output: Buffer): void;
}

/**
 * From the last block. Room that is short costs one more round trip to libuv's pool; room to spare is garbage, which
 * V8 counts against its heap and collects sooner.
 */
export function guessOutput(): OutputGuess {
  let share = 0.3;
  return {
    guess: block => Math.ceil(block.length * Math.min(1, share * 1.1)) + 1024,
    learn: (block, output) => {
      share = output.length / block.length;
    },
  };
}
