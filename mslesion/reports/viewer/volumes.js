// Volumes of the viewer: unpacked NIfTI files, and one turned onto the grid of another.
"use strict";
const ViewerVolumes = (() => {
  const HEADER = 352; // bytes before the voxels, as nibabel writes them
  const LABEL = 1002; // NIfTI's intent code of label maps

  // The bytes of a data block of the page
  async function unpack(block) {
    const text = atob(block.textContent);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  // Shape, affine and voxels of a NIfTI file
  function parse(buffer) {
    const view = new DataView(buffer);
    const shape = [1, 2, 3].map((n) => view.getInt16(40 + 2 * n, true));
    const row = (n) => [0, 1, 2, 3].map((m) => view.getFloat32(280 + 16 * n + 4 * m, true));
    const Kind = view.getInt16(70, true) === 512 ? Uint16Array : Uint8Array;
    return { buffer, shape, affine: [row(0), row(1), row(2), [0, 0, 0, 1]],
             data: new Kind(buffer, HEADER) };
  }

  const times = (a, b) => a.map((row) =>
    b[0].map((_, column) => row.reduce((sum, value, n) => sum + value * b[n][column], 0)));
  const moved = (matrix, point) => matrix.slice(0, 3).map((row) =>
    row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3]);

  // Inverse of an affine matrix
  function inverse(m) {
    const [[a, b, c], [d, e, f], [g, h, i]] = m;
    const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    const turned = [
      [e * i - f * h, c * h - b * i, b * f - c * e],
      [f * g - d * i, a * i - c * g, c * d - a * f],
      [d * h - e * g, b * g - a * h, a * e - b * d],
    ].map((row) => row.map((value) => value / det));
    const shift = moved(turned.map((row) => [...row, 0]), m.map((row) => row[3]));
    return [...turned.map((row, n) => [...row, -shift[n]]), [0, 0, 0, 1]];
  }

  // The value at a point between voxels: of the nearest for labels, else interpolated
  function sampler(volume, isLabel) {
    const [nx, ny, nz] = volume.shape;
    const data = volume.data;
    const value = (x, y, z) =>
      x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? 0 : data[x + nx * (y + ny * z)];
    if (isLabel) return (x, y, z) => value(Math.round(x), Math.round(y), Math.round(z));
    return (x, y, z) => {
      const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
      if (i < -1 || j < -1 || k < -1 || i >= nx || j >= ny || k >= nz) return 0;
      const [u, v, w] = [x - i, y - j, z - k];
      const line = (b, c) => value(i, b, c) * (1 - u) + value(i + 1, b, c) * u;
      const plane = (c) => line(j, c) * (1 - v) + line(j + 1, c) * v;
      return plane(k) * (1 - w) + plane(k + 1) * w;
    };
  }

  // A volume on the grid of another; toOwn goes from world points of `like` to those of `volume`
  function resampled(volume, like, toOwn, isLabel) {
    const matrix = times(inverse(volume.affine), times(toOwn, like.affine));
    const [nx, ny, nz] = like.shape;
    const Kind = volume.data.constructor;
    const buffer = new ArrayBuffer(HEADER + nx * ny * nz * Kind.BYTES_PER_ELEMENT);
    new Uint8Array(buffer).set(new Uint8Array(like.buffer, 0, HEADER));
    const kinds = new DataView(buffer);
    kinds.setInt16(68, isLabel ? LABEL : 0, true);
    kinds.setInt16(70, Kind === Uint16Array ? 512 : 2, true);
    kinds.setInt16(72, 8 * Kind.BYTES_PER_ELEMENT, true);
    const out = new Kind(buffer, HEADER);
    const at = sampler(volume, isLabel);
    let n = 0;
    for (let k = 0; k < nz; k++) {
      for (let j = 0; j < ny; j++) {
        let [x, y, z] = moved(matrix, [0, j, k]);
        for (let i = 0; i < nx; i++, n++) {
          out[n] = Math.round(at(x, y, z));
          x += matrix[0][0];
          y += matrix[1][0];
          z += matrix[2][0];
        }
      }
    }
    return parse(buffer);
  }

  const voxelOf = (volume, mm) => moved(inverse(volume.affine), mm);
  const worldOf = (volume, voxel) => moved(volume.affine, voxel);

  function valueAt(volume, mm) {
    return sampler(volume, true)(...voxelOf(volume, mm));
  }

  // The voxel with one of some labels that is nearest to a point, in world millimetres
  function nearest(volume, mm, isWanted) {
    const [nx, ny] = volume.shape;
    let best = null;
    let least = Infinity;
    volume.data.forEach((value, n) => {
      if (!value || !isWanted(value)) return;
      const found = worldOf(volume, [n % nx, Math.floor(n / nx) % ny, Math.floor(n / nx / ny)]);
      const far = Math.hypot(...found.map((one, axis) => one - mm[axis]));
      if (far < least) [best, least] = [found, far];
    });
    return best;
  }

  // The voxel of some labels in the middle of the axial slice with most of them, or of one label
  function middle(volume, isWanted) {
    const [nx, ny, nz] = volume.shape;
    const sums = Array.from({ length: nz }, () => [0, 0, 0]);
    volume.data.forEach((value, n) => {
      if (!value || !isWanted(value)) return;
      const sum = sums[Math.floor(n / nx / ny)];
      sum[0] += 1;
      sum[1] += n % nx;
      sum[2] += Math.floor(n / nx) % ny;
    });
    const fullest = sums.reduce((best, sum, k) => (sum[0] > sums[best][0] ? k : best), 0);
    const [count, x, y] = sums[fullest];
    if (!count) return null;
    const found = nearest(volume, worldOf(volume, [x / count, y / count, fullest]), isWanted);
    return voxelOf(volume, found).map(Math.round);
  }

  return { unpack, parse, resampled, voxelOf, worldOf, valueAt, nearest, middle };
})();
