// Makes a .vsix from what is built. A vsix is a zip with two XML files in front, so the packaging tool and the three
// hundred packages it brings are not needed.
//
//   package.mjs [TARGET [FOLDER]]    FOLDER's package.json says under `files` what belongs into the extension
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { deflateRawSync } from "node:zlib";

const [given, folder = "."] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
const target = given ?? `${manifest.name}-${manifest.version}.vsix`;
const xml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function filesBelow(entry) {
  if (!statSync(path.join(folder, entry)).isDirectory()) return [entry];
  return readdirSync(path.join(folder, entry)).sort().flatMap((name) => filesBelow(path.posix.join(entry, name)));
}

const readme = manifest.files.includes("README.md");
const icon = manifest.icon ? `<Icon>extension/${manifest.icon}</Icon>` : "";
const asset = (type, file) => `<Asset Type="Microsoft.VisualStudio.${type}" Path="extension/${file}" Addressable="true"/>`;
const assets = [
  asset("Code.Manifest", "package.json"),
  ...(readme ? [asset("Services.Content.Details", "README.md")] : []),
  ...(manifest.icon ? [asset("Services.Icons.Default", manifest.icon)] : []),
];

const vsixManifest = `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${manifest.name}" Version="${manifest.version}" Publisher="${manifest.publisher}"/>
    <DisplayName>${xml(manifest.displayName ?? manifest.name)}</DisplayName>
    <Description xml:space="preserve">${xml(manifest.description)}</Description>
    <Tags>${xml((manifest.keywords ?? []).join(","))}</Tags>
    <Categories>${xml((manifest.categories ?? []).join(","))}</Categories>
    ${icon}
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value="${xml(manifest.engines.vscode)}"/>
      <Property Id="Microsoft.VisualStudio.Code.ExtensionKind" Value="workspace"/>
    </Properties>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>${assets.join("")}</Assets>
</PackageManifest>
`;
const types = { json: "application/json", js: "application/javascript", css: "text/css", md: "text/markdown", png: "image/png", svg: "image/svg+xml", vsixmanifest: "text/xml" };
const contentTypes = `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">${Object.entries(types)
  .map(([extension, type]) => `<Default Extension=".${extension}" ContentType="${type}"/>`)
  .join("")}</Types>
`;

const entries = [
  ["extension.vsixmanifest", Buffer.from(vsixManifest)],
  ["[Content_Types].xml", Buffer.from(contentTypes)],
  ...["package.json", ...manifest.files].flatMap(filesBelow).map((file) => [`extension/${file}`, readFileSync(path.join(folder, file))]),
];
writeFileSync(target, zip(entries));
console.log(`${target}: ${entries.length} files, ${statSync(target).size} bytes`);

/** Local headers, then the central directory (PKWARE APPNOTE 4.3). Times are fixed, so the same input gives the same file. */
function zip(files) {
  const local = [];
  const central = [];
  let offset = 0;
  for (const [name, data] of files) {
    const packed = deflateRawSync(data, { level: 9 });
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0); // version needed
    fields.writeUInt16LE(0x0800, 2); // names are UTF-8
    fields.writeUInt16LE(8, 4); // deflate
    fields.writeUInt16LE(0, 6);
    fields.writeUInt16LE(0x21, 8); // 1980-01-01
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const localHeader = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name)]);
    local.push(localHeader, packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((0o100644 << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 3]), fields, tail, Buffer.from(name));
    offset += localHeader.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

/** The checksum of zip (ISO 3309). */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
