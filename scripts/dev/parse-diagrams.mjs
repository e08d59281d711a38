// Reads the committed diagrams, and those in docs/odooops-sh/, with the parsers of their notations; problems go to
// stderr, exit code 1.
// usage: node scripts/dev/parse-diagrams.mjs FOLDER_WITH_NODE_MODULES
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(`${process.argv[2]}/package.json`));
const { Parser } = require('@dbml/core');
// Some of Mermaid's parsers clean their labels with a document's help.
globalThis.window = require('linkedom').parseHTML('<html><body></body></html>').window;
globalThis.document = globalThis.window.document;
const mermaid = (await import(pathToFileURL(require.resolve('mermaid')))).default;

const problems = [];
const say = (file, problem) => problems.push(`${file}: ${problem}`);

function dbml(file) {
  const source = readFileSync(file, 'utf8');
  let schemas;
  try {
    schemas = new Parser().parse(source, 'dbmlv2').schemas;
  } catch (error) {
    for (const { message, location } of error.diags ?? [{ message: error.message }]) {
      say(file, `line ${location?.start.line}: ${message}`);
    }
    return;
  }
  const all = (member) => schemas.flatMap((schema) => schema[member]);
  const grouped = new Set(all('tableGroups').flatMap((group) => group.tables.map((table) => table.name)));
  for (const table of all('tables')) {
    if (!table.note) say(file, `${table.name} has no note`);
    if (!grouped.has(table.name)) say(file, `${table.name} is in no group`);
  }
  const count = (word) => source.split('\n').filter((line) => line.startsWith(`${word} `)).length;
  for (const [word, member] of [['Table', 'tables'], ['Enum', 'enums'], ['Ref', 'refs']]) {
    if (count(word) === 0 || all(member).length !== count(word)) {
      say(file, `${count(word)} × ${word}, and the parser found ${all(member).length}`);
    }
  }
}

async function mermaidText(file, source, wanted) {
  try {
    const { diagramType } = await mermaid.parse(source);
    if (wanted && diagramType !== wanted) say(file, `is a diagram of type ${diagramType}, not ${wanted}`);
  } catch (error) {
    say(file, error.message);
  }
}

dbml('dbml/ops.dbml');
await mermaidText('erd/ops.mmd', readFileSync('erd/ops.mmd', 'utf8'), 'er');
for (const name of readdirSync('docs/odooops-sh')) {
  const file = `docs/odooops-sh/${name}`;
  for (const [, source] of readFileSync(file, 'utf8').matchAll(/^```mermaid\n(.*?)^```/gms)) {
    await mermaidText(file, source);
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
