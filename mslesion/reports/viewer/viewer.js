// The viewer of a page: slices of one visit, or of two side by side, with maps over them.
"use strict";
(() => {
  const V = ViewerVolumes;
  const root = document.getElementById("viewer");
  const part = (name) => root.querySelector(`[data-viewer="${name}"]`);
  const about = JSON.parse(part("about").textContent);
  const panes = [...root.querySelectorAll(".viewer-panes figure")].map((figure) => ({ figure }));
  const [earlier, later] = panes;
  const boxes = [...root.querySelectorAll('[data-viewer="map"]')];
  const PLANES = { axial: 0, coronal: 1, sagittal: 2, all: 3 };
  const ACROSS = { axial: 2, coronal: 1, sagittal: 0, all: 2 }; // axis that a plane is cut across
  const AT_BOTH_VISITS = 1; // value of the change map where both visits have the lesion
  const state = { visit: about.visits.length - 1, pair: null, volumes: [], voxel: null };
  let started = null;

  // ---- What the controls say; a control that the page does not need is not there
  const chosen = (name, otherwise) => part(name)?.value ?? otherwise;
  const isShown = (name) => boxes.some((box) => box.value === name && box.checked);
  const plane = () => chosen("plane", "all");
  const status = (text) => { part("status").textContent = text; };

  // ---- Volumes, unpacked once
  const kept = new Map();
  function volume(name) {
    if (!kept.has(name)) {
      const block = root.querySelector(`[data-volume="${name}"]`);
      kept.set(name, V.unpack(block).then(V.parse));
    }
    return kept.get(name);
  }

  // The volumes of a visit by name, all on the grid of the first scan of the visit `grid`
  async function volumesOf(visit, { grid, pair, scan }) {
    const names = about.visits[visit].volumes;
    const { volumes, scans } = about.visits[grid];
    const like = await volume(volumes[scans[0]]);
    const found = {};
    for (const name of [scan, "lesions", "anatomy"]) {
      if (!names[name]) continue;
      const own = await volume(names[name]);
      const isLabel = name === "lesions" || name === "anatomy";
      found[name] = visit === grid ? own : V.resampled(own, like, pair.toFirst, isLabel);
    }
    if (pair?.change) {
      const same = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
      found.change = V.resampled(await volume(pair.change), like, same, true);
    }
    return found;
  }

  // The scan that is asked for, or the first one where a visit has no such scan
  function scanOf(visit, scan) {
    const { scans } = about.visits[visit];
    return scans.includes(scan) ? scan : scans[0];
  }

  // ---- Colours
  function keyOf(name, number, visit) {
    const kind = name === "lesions" ? about.visits[visit].locations[number] : number;
    const found = about.keys[name].find(([one]) => one === kind);
    return found?.slice(1) ?? ["unknown location", about.unknown];
  }

  function colormap(name, data, visit) {
    const top = data.reduce((most, value) => Math.max(most, value), 1);
    const map = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: [""] };
    for (let number = 1; number <= top; number++) {
      const [words, color] = keyOf(name, number, visit);
      [map.R, map.G, map.B].forEach((list, n) => list.push(color[n]));
      map.A.push(255);
      map.I.push(number);
      map.labels.push(words);
    }
    return map;
  }

  // ---- Drawing
  async function makePane(pane) {
    const nv = new niivue.Niivue({
      isRadiologicalConvention: true, sagittalNoseLeft: true, showAllOrientationMarkers: true,
      multiplanarShowRender: niivue.SHOW_RENDER.NEVER, multiplanarPadPixels: 6,
      crosshairColor: [0.3, 0.9, 0.4, 0.7], crosshairWidth: 0.9, crosshairWidthUnit: "mm",
      crosshairGap: 5, fontColor: [1, 1, 1, 1], isColorbar: false, dragAndDropEnabled: false, loadingText: "",
      logLevel: "error", clipPlaneHotKey: "", viewModeHotKey: "",
      cycleClipPlaneHotKey: "",
    });
    pane.canvas = pane.figure.querySelector("canvas");
    await nv.attachToCanvas(pane.canvas, false);
    nv.onLocationChange = () => { if (pane.canvas === document.activeElement) follow(pane); };
    const draw = nv.drawScene.bind(nv);
    nv.drawScene = () => { if (!pane.figure.hidden) draw(); }; // a hidden pane has no size
    pane.nv = nv;
  }

  // What a pane shows of a visit; the panes stay as they are
  async function contentOf(visit, { grid, pair, scan: asked }) {
    const scan = scanOf(visit, asked);
    const volumes = await volumesOf(visit, { grid, pair, scan });
    const maps = boxes.map((box) => box.value).filter((name) => volumes[name]);
    const images = [];
    for (const name of [scan, ...maps]) {
      const { buffer, data } = volumes[name];
      const image = await niivue.NVImage.new(buffer.slice(0), `${name}.nii`, "gray", 1);
      if (name === scan) [image.cal_min, image.cal_max] = [0, 255];
      else image.setColormapLabel(colormap(name, data, visit));
      images.push(image);
    }
    return { visit, pair, scan, volumes, maps, images };
  }

  function put(pane, content) {
    Object.assign(pane, content);
    const { name, isOriented } = about.visits[pane.visit];
    pane.nv.opts.isOrientationTextVisible = isOriented;
    const words = [`${name}: ${pane.scan}`];
    if (pane === earlier) words.push("turned onto the later visit");
    if (!isOriented) words.push("left and right are unknown");
    pane.figure.querySelector("figcaption").textContent = words.join(", ");
    pane.canvas.setAttribute("aria-label", `Slices of ${words.join(", ")}`);
  }

  // Panes that show something
  const inUse = () => panes.filter(({ figure, images }) => !figure.hidden && images);

  // Maps, opacity and planes, as the controls say
  function adjust() {
    for (const { nv, images, maps } of inUse()) {
      const [scan, ...over] = images;
      nv.overlays = over.filter((_, n) => isShown(maps[n]));
      for (const image of nv.overlays) image.opacity = Number(part("opacity").value);
      nv.back = scan;
      nv.volumes = [scan, ...nv.overlays];
      nv.opts.sliceType = PLANES[plane()];
      nv.updateGLVolume();
    }
    showKey();
    place();
  }

  // What the colours mean of the maps that are shown
  function showKey() {
    const shown = boxes.filter((box) => box.checked && later.maps.includes(box.value));
    const lists = shown.map((box) =>
      about.keys[box.value].map(([, words, color]) => {
        const item = document.createElement("span");
        const mark = document.createElement("i");
        mark.style.background = `rgb(${color})`;
        item.append(mark, words);
        return item;
      }));
    part("key").replaceChildren(...lists.flat());
  }

  // Visits, pair and scans that are asked for: all panes change together, when all is there
  async function showChosen() {
    const { visit, pair } = state;
    const asked = { grid: visit, pair, scan: chosen("scan", "") };
    const content = await contentOf(visit, asked);
    const beside = pair && await contentOf(pair.from, asked);
    if (pair && !earlier.nv) {
      earlier.figure.hidden = false; // a canvas needs its size
      await makePane(earlier);
    }
    if (!state.voxel || later.visit !== visit) state.voxel = first(content.volumes);
    earlier.figure.hidden = !pair;
    put(later, content);
    if (pair) put(earlier, beside);
    adjust();
    status("");
  }

  // One after the other, so that the last choice is what stays
  let loads = Promise.resolve();
  function load() {
    loads = loads.then(showChosen).catch((error) => {
      if (root.dataset.state !== "ready") throw error; // the viewer cannot start
      status(`This choice cannot be shown (${error.message}); the captions name what is shown.`);
    });
    return loads;
  }

  // Where the viewer begins: the slice with most change, else with most lesion, else the middle
  function first(volumes) {
    const { change, lesions } = volumes;
    return (change && V.middle(change, (kind) => kind !== AT_BOTH_VISITS))
      ?? (lesions && V.middle(lesions, () => true))
      ?? shape(volumes).map((size) => Math.floor(size / 2));
  }

  // ---- Where the cross is: one voxel of the later visit's grid for both panes
  const shape = (volumes = later.volumes) => Object.values(volumes)[0].shape;

  function place() {
    const size = shape();
    state.voxel = state.voxel.map((at, axis) => Math.min(size[axis] - 1, Math.max(0, at)));
    for (const { nv } of inUse()) {
      nv.scene.crosshairPos = state.voxel.map((at, axis) => (at + 0.5) / size[axis]);
      nv.drawScene();
    }
    tell();
  }

  // The other pane follows the one that is used, in place and zoom
  function follow(pane) {
    const size = shape();
    state.voxel = [...pane.nv.scene.crosshairPos].map((at, axis) =>
      Math.min(size[axis] - 1, Math.max(0, Math.round(at * size[axis] - 0.5))));
    for (const { nv } of inUse().filter((one) => one !== pane)) {
      nv.scene.crosshairPos = [...pane.nv.scene.crosshairPos];
      nv.scene.pan2Dxyzmm = [...pane.nv.scene.pan2Dxyzmm];
      nv.drawScene();
    }
    tell();
  }

  function tell() {
    const mm = V.worldOf(later.volumes[later.scan], state.voxel);
    const words = [`x ${mm[0].toFixed(1)}, y ${mm[1].toFixed(1)}, z ${mm[2].toFixed(1)} mm`];
    for (const pane of inUse()) {
      for (const name of pane.maps) {
        const number = V.valueAt(pane.volumes[name], mm);
        if (!number || (name !== "lesions" && pane === earlier)) continue;
        const [meaning] = keyOf(name, number, pane.visit);
        const what = name === "lesions" ? `lesion ${number}, ${meaning}` : meaning;
        words.push(pane === earlier ? `earlier: ${what}` : what);
      }
    }
    part("where").textContent = words.join("; ");
  }

  // ---- Moving
  async function goTo(session, mm, { lesion = null, from = null } = {}) {
    if (!(await start())) return;
    const visit = about.visits.findIndex((one) => one.session === session);
    if (visit < 0) return;
    const known = about.pairs.find((one) => one.to === visit
      && about.visits[one.from].session === from);
    if (visit !== state.visit || (known && known !== state.pair)) await choose(visit, known);
    else await loads;
    if (later.visit !== visit || (known && later.pair !== known)) return; // another choice came
    show(from === null ? "lesions" : "change");
    const map = later.volumes[from === null ? "lesions" : "change"];
    const isWanted = (number) => lesion === null || number === lesion;
    const found = (map && V.nearest(map, mm, isWanted)) ?? mm;
    state.voxel = V.voxelOf(Object.values(later.volumes)[0], found).map(Math.round);
    place();
    root.scrollIntoView({ block: "start" });
    later.canvas.focus({ preventScroll: true });
  }

  // A visit, and what stands beside it: by default the visit before
  async function choose(visit, pair) {
    const before = state.pair;
    state.visit = visit;
    const possible = about.pairs.filter((one) => one.to === visit).sort((a, b) => b.from - a.from);
    state.pair = pair === undefined ? possible[0] ?? null : pair;
    // What changed is shown at first; without a change map, the lesions are
    const shown = state.pair?.change ? "change" : "lesions";
    if (Boolean(state.pair?.change) !== Boolean(before?.change)) {
      boxes.forEach((one) => { one.checked = one.value === shown; });
    }
    if (part("visit")) part("visit").value = visit;
    part("beside")?.replaceChildren(new Option("nothing", ""), ...possible.map((one) =>
      new Option(about.visits[one.from].name, one.from, false, one === state.pair)));
    await load();
  }

  // The lesions of the later visit one after the other, by number
  let current = 0;
  function nextLesion(step) {
    const { lesions } = later.volumes;
    if (!lesions) return;
    const numbers = [...new Set(lesions.data)].filter(Boolean).sort((a, b) => a - b);
    if (!numbers.length) return;
    const position = numbers.indexOf(current);
    current = numbers[(position + step + numbers.length + (position < 0 && step < 0)) % numbers.length];
    state.voxel = V.middle(lesions, (number) => number === current);
    place();
  }

  function step(axis, by) {
    state.voxel[axis] += by;
    place();
  }

  function show(name) {
    const found = boxes.find((one) => one.value === name);
    if (found && !found.checked) press(found, toggle);
  }

  function press(control, change) {
    if (!control) return;
    change(control);
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }

  const toggle = (box) => { box.checked = !box.checked; };
  const shift = (by) => (slider) => { slider.value = Number(slider.value) + by; };
  const turn = (value) => () => press(part("plane"), (select) => { select.value = value; });
  const box = (name) => () => press(boxes.find((one) => one.value === name), toggle);
  const across = () => ACROSS[plane()];
  const [sideways, upwards] = [() => (across() === 0 ? 1 : 0), () => (across() === 2 ? 1 : 2)];
  // To the left of the screen is the patient's right, or the front on sagittal slices
  const KEYS = {
    ArrowLeft: () => step(sideways(), 1), ArrowRight: () => step(sideways(), -1),
    ArrowUp: () => step(upwards(), 1), ArrowDown: () => step(upwards(), -1),
    PageUp: () => step(across(), 1), PageDown: () => step(across(), -1),
    0: turn("all"), 1: turn("axial"), 2: turn("coronal"), 3: turn("sagittal"),
    n: () => nextLesion(1), p: () => nextLesion(-1),
    l: box("lesions"), c: box("change"), a: box("anatomy"),
    t: () => press(part("scan"), (select) => {
      select.selectedIndex = (select.selectedIndex + 1) % select.length;
    }),
    "+": () => press(part("opacity"), shift(0.1)), "-": () => press(part("opacity"), shift(-0.1)),
    r: () => {
      for (const { nv } of panes.filter((pane) => pane.images)) {
        nv.scene.pan2Dxyzmm = [0, 0, 0, 1];
        [nv.volumes[0].cal_min, nv.volumes[0].cal_max] = [0, 255];
      }
      adjust();
    },
  };

  // ---- Controls, wheel and keys
  function listen() {
    part("controls").addEventListener("change", (event) => {
      const { viewer } = event.target.dataset;
      if (viewer === "visit") choose(Number(event.target.value));
      else if (viewer === "beside") {
        const from = event.target.value;
        choose(state.visit, about.pairs.find((one) => one.to === state.visit
          && from !== "" && one.from === Number(from)) ?? null);
      } else if (viewer === "scan") load();
      else adjust();
    });
    const place = root.querySelector(".viewer-panes");
    place.addEventListener("wheel", (event) => { // until it has the focus, the page scrolls
      if (event.target !== document.activeElement) event.stopPropagation();
    }, { capture: true, passive: true });
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (event.key !== "Tab") event.stopPropagation(); // NiiVue has keys of its own
      if (!action) return;
      event.preventDefault();
      action();
    }, true);
  }

  // ---- Start
  async function begin() {
    const trial = document.createElement("canvas").getContext("webgl2");
    if (!trial || !("DecompressionStream" in window)) {
      status("This browser has no WebGL 2; the pictures of this page show the same.");
      root.dataset.state = "unavailable";
      return false;
    }
    trial.getExtension("WEBGL_lose_context")?.loseContext();
    status("The viewer starts.");
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(await V.unpack(part("engine")));
    document.head.append(script);
    part("controls").hidden = false;
    await makePane(later);
    await choose(state.visit);
    listen();
    root.dataset.state = "ready";
    return true;
  }

  function start() {
    started ??= begin().catch((error) => {
      status(`The viewer cannot start (${error.message}); the pictures of this page show the same.`);
      part("controls").hidden = true;
      root.dataset.state = "unavailable";
      return false;
    });
    return started;
  }

  root.viewer = { panes, state, goTo, choose, start };
  const watch = new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) {
      watch.disconnect();
      start();
    }
  }, { rootMargin: "200px" });
  watch.observe(root);
})();
