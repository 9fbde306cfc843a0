;;; eglot.el --- The Emacs snippet of ../README.md against a server  -*- lexical-binding: t -*-
;; Called by plain_clients.sh after the snippet. Runs a test by code action, edits without saving, runs again.

(require 'eglot)
(require 'flymake)

(defun fb-wait (what condition)
  "Wait until CONDITION holds; WHAT names it in the error."
  (let ((end (time-add nil 30)) found)
    (while (and (not (setq found (funcall condition))) (time-less-p nil end))
      (accept-process-output nil 0.02))
    (or found (error "waited in vain for %s" what))))

(defun fb-run-action ()
  "The title and action that runs the test at point."
  (seq-find (lambda (action) (string-match-p "^Run .*write_gets_503" (plist-get action :title)))
            (eglot-code-actions (point) nil nil nil)))

(defun fb-failure ()
  "The diagnostic of a run, if there is one."
  (seq-find (lambda (each) (string-match-p "503 != 500" (flymake-diagnostic-text each))) (flymake-diagnostics)))

(find-file (getenv "SPEC"))
(unless (derived-mode-p 'faultbox-mode) (error "the snippet does not set the mode"))
(apply #'eglot--connect (eglot--guess-contact))
(fb-wait "the server" #'eglot-current-server)
(goto-char (point-min))
(search-forward "fault_scenario(\"write_gets_503\"")
(beginning-of-line)
(fb-wait "the action" #'fb-run-action)
(search-forward "r.write.status, 503")
(replace-match "r.write.status, 500")
(search-backward "fault_scenario(")
(eglot--signal-textDocument/didChange)
(let ((action (fb-wait "the action after the edit" #'fb-run-action)))
  (eglot-execute (eglot-current-server) action)
  (princ (format "  action: %s\n" (plist-get action :title))))
(let ((failure (fb-wait "the failure" #'fb-failure)))
  (princ (format "  failure at line %d: %s\n" (line-number-at-pos (flymake-diagnostic-beg failure))
                 (car (split-string (flymake-diagnostic-text failure) "\n")))))
(unless (buffer-modified-p) (error "the run saved the buffer"))
(set-buffer-modified-p nil)
(let ((process (jsonrpc--process (eglot-current-server))))
  (eglot-shutdown (eglot-current-server))
  (fb-wait "the server to stop" (lambda () (not (process-live-p process)))))
(princ "  stop: ok\n")
;;; eglot.el ends here
