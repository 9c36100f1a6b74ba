import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_ZOOM, timeScale, zoomAround, zoomedScale, zoomMoved } from "./time-scale.ts";

test("a wait of three days takes no more of the axis than a sign of it", () => {
  const days = 3 * 86_400_000;
  const { xOf, stretches } = timeScale([0, 1000, 2000, days, days + 1000]);
  expect(stretches.filter(({ isFolded }) => isFolded)).toHaveLength(1);
  expect(xOf(2000)).toBeGreaterThan(0.6);
  expect(xOf(days) - xOf(2000)).toBeLessThan(0.08);
  expect([xOf(-5), Math.round(1e9 * xOf(days + 1000)) / 1e9, xOf(days + 9000) - xOf(days + 1000)]).toEqual([0, 1, 0]);
});

test("later is never further left, whatever happened when", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 60 }), (given) => {
      const times = given.toSorted((a, b) => a - b);
      const { xOf, stretches } = timeScale(times);
      const places = times.map(xOf);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places.every((x) => x >= 0 && x <= 1 + 1e-9)).toBe(true);
      expect(stretches.at(-1)?.x1).toBeCloseTo(1, 6);
    }),
  );
});

test("zooming keeps what is under it where it is, and never leaves the axis", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean())), (steps) => {
      let zoom = NO_ZOOM;
      for (const [place, isIn] of steps) {
        zoom = isIn ? zoomAround(zoom, zoom.from + place * (zoom.to - zoom.from), 0.5) : zoomMoved(zoom, place - 0.5);
        expect(zoom.from).toBeGreaterThanOrEqual(0);
        expect(zoom.to).toBeLessThanOrEqual(1 + 1e-9);
      }
    }),
  );
  const scale = timeScale([0, 1000]);
  const zoomed = zoomedScale(scale, zoomAround(NO_ZOOM, 0.5, 0.5));
  expect([250, 500, 750, 0].map(zoomed.xOf)).toEqual([0, 0.5, 1, -0.5]);
});
