// Draws dbml/ops.dbml as an SVG: a box a topic, a table a record, an arrow a foreign key; views are left out.
// usage: node scripts/dev/draw-schema.mjs FOLDER_WITH_NODE_MODULES > FILE
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(`${process.argv[2]}/package.json`));
const { Parser } = require('@dbml/core');
const { Graphviz } = await import(pathToFileURL(`${process.argv[2]}/node_modules/@hpcc-js/wasm-graphviz/dist/index.js`));

const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]);
const quoted = (text) => `"${String(text).replace(/["\\]/g, '\\$&')}"`;

function row(field) {
  const name = field.pk ? `<b>${escaped(field.name)}</b>` : escaped(field.name);
  const type = `<font color="#666666">${escaped(field.type.type_name)}</font>`;
  const cell = (port, text) => `<td port=${quoted(port)} align="left">${text}&#160;&#160;</td>`;
  return `<tr>${cell(field.name, name)}${cell(`${field.name} type`, type)}</tr>`;
}

function record(table) {
  const head = `<tr><td colspan="2" bgcolor="#dde6f0"><b>${escaped(table.name)}</b></td></tr>`;
  const label = `<table border="0" cellborder="1" cellspacing="0" cellpadding="3" color="#8899aa">`;
  const tip = `tooltip=${quoted(table.note ?? table.name)}`;
  return `${quoted(table.name)} [${tip}, label=<${label}${head}${table.fields.map(row).join('')}</table>>];`;
}

const { schemas } = new Parser().parse(readFileSync('dbml/ops.dbml', 'utf8'), 'dbmlv2');
const all = (member) => schemas.flatMap((schema) => schema[member]);
const tables = new Map(all('tables').map((table) => [table.name, table]));
const clusters = all('tableGroups')
  .filter((group) => group.name !== 'views')
  .map((group) => {
    const inner = group.tables.map(({ name }) => record(tables.get(name))).join('\n');
    return `subgraph ${quoted(`cluster_${group.name}`)} {\nlabel=${quoted(group.note)};\n${inner}\n}`;
  });
const arrows = all('refs').map(({ endpoints }) => {
  const [many, one] = endpoints;
  // From the left edge of the one table to the right edge of the other, which stands further left.
  const isItself = many.tableName === one.tableName;
  const [field, side] = isItself ? [one.fieldNames[0], 'w'] : [`${one.fieldNames[0]} type`, 'e'];
  return `${quoted(many.tableName)}:${quoted(many.fieldNames[0])}:w -> ${quoted(one.tableName)}:${quoted(field)}:${side};`;
});
const graph = `digraph ops {
graph [rankdir=RL, fontname="Helvetica,Arial,sans-serif", fontsize=16, color="#aabbcc", style=rounded, ranksep=1, nodesep=0.3];
node [shape=plain, fontname="Helvetica,Arial,sans-serif", fontsize=11];
edge [color="#557799"];
${clusters.join('\n')}
${arrows.join('\n')}
}`;
process.stdout.write((await Graphviz.load()).dot(graph).trimEnd() + '\n');
