/** A straight line. */
export interface Line {
  readonly slope: number;
  readonly start: number;
  at(x: number): number;
}

/**
 * The line that lies nearest to points, each weighed by what it should be, so that small ones count as much as large
 * ones: least squares of the relative distances.
 */
export function lineThrough(points: readonly (readonly [x: number, y: number])[]): Line {
  let [weights, x1, y1, xx, xy] = [0, 0, 0, 0, 0];
  for (const [x, y] of points) {
    const weight = 1 / y ** 2;
    weights += weight;
    x1 += weight * x;
    y1 += weight * y;
    xx += weight * x * x;
    xy += weight * x * y;
  }
  const slope = (weights * xy - x1 * y1) / (weights * xx - x1 * x1);
  const start = (y1 - slope * x1) / weights;
  return { slope, start, at: x => start + slope * x };
}
