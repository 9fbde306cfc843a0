" A .star file is a Faultbox spec when it says so; those of Bazel, Buck and Tilt keep the filetype they have.
autocmd BufRead,BufNewFile,BufWritePost *.star lua require('faultbox.filetype').detect()
