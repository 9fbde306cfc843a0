import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** Prints the IPv4 address of each name, or what the resolver says: none, later, or another error. */
public class Lookup {
    public static void main(String[] names) {
        StringBuilder found = new StringBuilder();
        for (String name : names) found.append(found.length() == 0 ? "" : " ").append(lookUp(name));
        System.out.println(found);
    }

    static String lookUp(String name) {
        try {
            for (InetAddress address : InetAddress.getAllByName(name)) {
                if (address instanceof Inet4Address) return address.getHostAddress();
            }
            return "only-v6";
        } catch (UnknownHostException error) {
            // The text is that of gai_strerror(3).
            String text = String.valueOf(error.getMessage());
            if (text.contains("Temporary failure")) return "later";
            return text.contains("not known") || text.equals(name) ? "none" : text;
        }
    }
}
