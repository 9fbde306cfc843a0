import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

class Victim {
    interface Action {
        void run() throws IOException;
    }

    /** Java tells the message of an errno, not its number. */
    static int errno(Action action) {
        try {
            action.run();
            return 0;
        } catch (IOException error) {
            String text = String.valueOf(error.getMessage());
            if (text.contains("Input/output error")) return 5;
            if (text.contains("No such file")) return 2;
            if (text.contains("Connection refused")) return 111;
            return -1;
        }
    }

    static void writeFile(String name) throws IOException {
        try (FileOutputStream file = new FileOutputStream("/tmp/victim-" + name)) {
            file.write('x');
            file.getFD().sync();
        }
    }

    public static void main(String[] arguments) throws IOException {
        ServerSocket listener = new ServerSocket(7000, 16, InetAddress.getLoopbackAddress());
        while (true) {
            try (Socket peer = listener.accept()) {
                if (peer.getInputStream().read(new byte[64]) <= 0) continue;
                int a = errno(() -> writeFile("a")), b = errno(() -> writeFile("b"));
                int c = errno(() -> writeFile("c"));
                int d = errno(() -> new Socket("127.0.0.1", 5432).close());
                String line = "a=" + a + " b=" + b + " open=" + c + " connect=" + d + "\n";
                peer.getOutputStream().write(line.getBytes());
            }
        }
    }
}
