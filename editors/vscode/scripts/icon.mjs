// Draws the icon from one description: icons/faultbox.svg for people, icons/faultbox.png (128 px) for VS Code.
// A box with a bolt through it. No image library: shapes are polygons, sampled 4 x 4 per pixel.
import { writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

const SIZE = 128;
const SHAPES = [
  { fill: "#1f2937", points: [[20, 8], [108, 8], [120, 20], [120, 108], [108, 120], [20, 120], [8, 108], [8, 20]] },
  { fill: "#e5e7eb", points: [[64, 20], [104, 42], [104, 88], [64, 110], [24, 88], [24, 42]] },
  { fill: "#9ca3af", points: [[64, 64], [104, 42], [104, 88], [64, 110]] },
  { fill: "#d1d5db", points: [[64, 64], [24, 42], [24, 88], [64, 110]] },
  { fill: "#f97316", points: [[76, 14], [42, 70], [62, 70], [50, 114], [90, 54], [68, 54]] },
];

const polygons = SHAPES.map(({ fill, points }) => `  <polygon fill="${fill}" points="${points.map((point) => point.join(",")).join(" ")}"/>`);
writeFileSync("icons/faultbox.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}">\n${polygons.join("\n")}\n</svg>\n`);

/** Even-odd rule: crossings of a ray to the right. */
function inside([x, y], points) {
  let odd = false;
  points.forEach(([x1, y1], index) => {
    const [x2, y2] = points[(index + 1) % points.length];
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd;
  });
  return odd;
}

function pixel(column, row) {
  const sum = [0, 0, 0, 0];
  for (let sample = 0; sample < 16; sample += 1) {
    const point = [column + ((sample % 4) + 0.5) / 4, row + (Math.floor(sample / 4) + 0.5) / 4];
    const top = SHAPES.findLast(({ points }) => inside(point, points));
    if (!top) continue;
    [1, 3, 5].forEach((at, channel) => (sum[channel] += parseInt(top.fill.slice(at, at + 2), 16)));
    sum[3] += 1;
  }
  const covered = sum[3] || 1;
  return [...sum.slice(0, 3).map((value) => Math.round(value / covered)), Math.round((sum[3] * 255) / 16)];
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** The checksum of PNG (ISO 3309). */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const rows = [];
for (let row = 0; row < SIZE; row += 1) {
  const line = [0];
  for (let column = 0; column < SIZE; column += 1) line.push(...pixel(column, row));
  rows.push(Buffer.from(line));
}
const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8);
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const parts = [signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.concat(rows), { level: 9 })), chunk("IEND", Buffer.alloc(0))];
writeFileSync("icons/faultbox.png", Buffer.concat(parts));
