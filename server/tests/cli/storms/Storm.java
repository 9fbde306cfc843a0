import java.io.FileOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import sun.misc.Signal;

/** Storm THREADS CALLS: as storm.c. */
class Storm {
    static final Map<String, Integer> outcomes = new ConcurrentSkipListMap<>();
    static volatile boolean over;

    static void writeAll(int calls) {
        try (FileOutputStream file = new FileOutputStream("/tmp/storm", true)) {
            for (int call = 0; call < calls; call++) {
                String error = "0";
                try {
                    file.write('x');
                } catch (IOException failure) {
                    // Java has only the text of an errno.
                    error = failure.getMessage().equals("Input/output error") ? "5" : failure.getMessage();
                }
                outcomes.merge(error, 1, Integer::sum);
            }
        } catch (IOException failure) {
            outcomes.merge(failure.getMessage(), 1, Integer::sum);
        }
    }

    static void haveChildren() {
        try {
            while (!over) new ProcessBuilder("true").start().waitFor();
        } catch (IOException | InterruptedException failure) {
            outcomes.merge(failure.toString(), 1, Integer::sum);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int threads = Integer.parseInt(arguments[0]), calls = Integer.parseInt(arguments[1]);
        Signal.handle(new Signal("ALRM"), signal -> {});
        Signal.handle(new Signal("CHLD"), signal -> {});
        String often = "while kill -ALRM \"$0\"; do sleep 0.005; done";
        Process alarm = new ProcessBuilder("sh", "-c", often, "" + ProcessHandle.current().pid()).start();
        Thread children = new Thread(Storm::haveChildren);
        children.start();
        List<Thread> writers = new ArrayList<>();
        for (int number = 0; number < threads; number++) writers.add(new Thread(() -> writeAll(calls)));
        for (Thread writer : writers) writer.start();
        for (Thread writer : writers) writer.join();
        over = true;
        children.join();
        alarm.destroy();
        StringBuilder line = new StringBuilder();
        outcomes.forEach((error, count) -> line.append(error).append(':').append(count).append(' '));
        System.out.println(line);
    }
}
