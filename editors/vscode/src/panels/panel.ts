// A webview beside the editor: nothing remote, scripts only with this page's nonce, data only by message.

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

export interface PanelOptions {
  id: string;
  title: string;
  /** Name of the bundle in dist/webview. */
  script: string;
  extensionUri: vscode.Uri;
}

/** One panel at a time; opening it again brings it to the front. */
export class Panel<ToPage extends object, FromPage> implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private ready = false;
  private newest: ToPage | undefined;

  constructor(private readonly options: PanelOptions, private readonly receive: (message: FromPage) => void) {}

  dispose(): void {
    this.panel?.dispose();
  }

  get visible(): boolean {
    return this.panel?.visible ?? false;
  }

  get isOpen(): boolean {
    return this.panel !== undefined;
  }

  /** What the page was sent last, for the editor test. */
  get content(): ToPage | undefined {
    return this.newest;
  }

  open(): void {
    if (this.panel) {
      this.panel.reveal(undefined, true);
      return;
    }
    const { id, title, extensionUri } = this.options;
    const root = vscode.Uri.joinPath(extensionUri, "dist", "webview");
    this.ready = false;
    this.panel = vscode.window.createWebviewPanel(id, title, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true }, {
      enableScripts: true,
      localResourceRoots: [root],
      retainContextWhenHidden: false,
    });
    this.panel.iconPath = vscode.Uri.joinPath(extensionUri, "icons", "faultbox.png");
    this.panel.onDidDispose(() => (this.panel = undefined));
    this.panel.webview.onDidReceiveMessage((message: FromPage | { type: "ready" }) => {
      if (isReady(message)) this.pageIsReady();
      else this.receive(message);
    });
    this.panel.webview.html = this.html(this.panel.webview, root);
  }

  /** Shows this; a page that is not loaded yet gets it when it is. */
  show(content: ToPage): void {
    this.newest = content;
    if (this.ready) void this.panel?.webview.postMessage(content);
  }

  private pageIsReady(): void {
    this.ready = true;
    if (this.newest !== undefined) void this.panel?.webview.postMessage(this.newest);
  }

  private html(webview: vscode.Webview, root: vscode.Uri): string {
    const nonce = randomBytes(16).toString("base64");
    const script = webview.asWebviewUri(vscode.Uri.joinPath(root, `${this.options.script}.js`)).toString();
    const style = webview.asWebviewUri(vscode.Uri.joinPath(root, "panel.css")).toString();
    const policy = `default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
    return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="stylesheet" href="${style}">
  <title>${this.options.title}</title>
</head>
<body>
  <main id="root"></main>
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
  }
}

function isReady(message: unknown): message is { type: "ready" } {
  return typeof message === "object" && message !== null && (message as { type?: unknown }).type === "ready";
}
