// Writes text with onnxruntime-web alone: node example.mjs "ROMEO:" [--length 200] [--temperature 0]
//
// It lies beside the graph of an exported model, and needs `npm install onnxruntime-web` there. What
// is read from files here is fetched in a browser; the rest is the same.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-web";

const HERE = new URL("./", import.meta.url);

async function readJson(name) {
  return JSON.parse(await readFile(new URL(name, HERE), "utf-8"));
}

/** Draw an id from natural log-probabilities; temperature 0 takes the likeliest. */
function choose(logProbs, { temperature, top_k, top_p }) {
  const order = [...logProbs.keys()].sort((a, b) => logProbs[b] - logProbs[a]);
  if (temperature === 0) return order[0];
  const kept = top_k ? order.slice(0, top_k) : order;
  const best = logProbs[kept[0]];
  let weights = kept.map((id) => Math.exp((logProbs[id] - best) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let count = 0;
  for (let sum = 0; count < weights.length && sum < top_p * total; count++) sum += weights[count];
  weights = weights.slice(0, Math.max(count, 1));
  let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  const place = weights.findIndex((weight) => (left -= weight) < 0);
  return kept[place < 0 ? weights.length - 1 : place];
}

/** The state before the first character: zeros by input name. */
function initialState(graph) {
  const state = {};
  for (const { name, shape } of graph.inputs) {
    if (!(name in graph.states)) continue;
    const sizes = shape.map((size) => (size === "batch" ? 1 : size));
    const count = sizes.reduce((product, size) => product * size, 1);
    state[name] = new ort.Tensor("float32", new Float32Array(count), sizes);
  }
  return state;
}

/** The characters that follow a prompt, one at a time. */
async function* write(session, graph, characters, prompt, length, settings) {
  let ids = [...prompt].map((character) => characters.indexOf(character));
  if (!ids.length || ids.includes(-1)) throw new Error("the prompt has unknown characters");
  let state = initialState(graph);
  for (let number = 0; number < length; number++) {
    const input = new ort.Tensor("int32", Int32Array.from(ids), [1, ids.length]);
    const wanted = ["log_probs", ...Object.values(graph.states)];
    const outputs = await session.run({ ids: input, ...state }, wanted);
    for (const [name, next] of Object.entries(graph.states)) state[name] = outputs[next];
    const id = choose(outputs.log_probs.data.slice(-characters.length), settings);
    yield characters[id];
    ids = [id];
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { length: { type: "string", default: "200" }, temperature: { type: "string" } },
});
ort.env.wasm.numThreads = 1;
const model = await readJson("model.json");
const { characters } = await readJson("front_end.json");
const settings = { temperature: 1, top_k: 0, top_p: 1, ...model.decoder };
if (values.temperature !== undefined) settings.temperature = Number(values.temperature);
const session = await ort.InferenceSession.create(await readFile(new URL("step.onnx", HERE)));
const prompt = positionals[0] ?? "The ";
process.stdout.write(prompt);
const written = write(
  session, model.graphs.step, characters, prompt, Number(values.length), settings,
);
for await (const character of written) process.stdout.write(character);
process.stdout.write("\n");
